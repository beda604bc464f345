"""The base class of a foreign suite's tests."""

from __future__ import annotations

from django.test import TransactionTestCase

from jobs.models import Job


class SuiteTestCase(TransactionTestCase):
    """Has a database, and leaves no job behind."""

    def _fixture_teardown(self) -> None:
        Job.objects.all().delete()
