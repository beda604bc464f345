"""For test cases of Django's without pytest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.submission.backlog import forget_counts

from .assertions import assert_enqueued, assert_not_enqueued
from .helpers import Helpers
from .isolation import isolated
from .scope import undone_afterwards

if TYPE_CHECKING:
    from unittest import TestCase as _TestCase
else:
    _TestCase = object


class JobsTestMixin(Helpers, _TestCase):
    """Put it before ``TestCase`` or ``TransactionTestCase``: ``drain`` and the others as methods.

    The class has a data folder of its own, which ``setUpTestData`` can put uploads into. No test
    reaches a broker, and each finds the clock where it was.
    """

    assertEnqueued = staticmethod(assert_enqueued)  # noqa: N815  (as in unittest)
    assertNotEnqueued = staticmethod(assert_not_enqueued)  # noqa: N815

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="jobs-test-", ignore_cleanup_errors=True)
        cls.enterClassContext(isolated(Path(cls.enterClassContext(folder))))
        super().setUpClass()

    def setUp(self) -> None:
        forget_counts()
        self.enterContext(undone_afterwards())
        super().setUp()
