"""For test cases of Django's without pytest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

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

    Each test has a data folder of its own, reaches no broker, and finds the clock where it was.
    """

    assertEnqueued = staticmethod(assert_enqueued)  # noqa: N815  (as in unittest)
    assertNotEnqueued = staticmethod(assert_not_enqueued)  # noqa: N815

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="jobs-test-", ignore_cleanup_errors=True)
        self.enterContext(isolated(Path(self.enterContext(folder))))
        self.enterContext(undone_afterwards())
        super().setUp()
