"""The base class of a foreign suite's tests."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.test import TransactionTestCase

from jobs.models import Job


class SuiteTestCase(TransactionTestCase):
    """Has a database, leaves no job behind, and counts no statements: ours are others."""

    def assertNumQueries(  # noqa: N802
        self, num: int, func: Any = None, *args: Any, using: str = "default", **options: Any
    ) -> Any:
        """Return a context manager that does nothing."""
        return nullcontext()

    def _fixture_teardown(self) -> None:
        Job.objects.all().delete()
