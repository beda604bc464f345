"""What strangers can make the site log: one line for each request, and few in a minute.

A request to a wrong host name was eleven lines, with a traceback, and a scanner sends thousands.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from jobs.core.rare_line import RareLine

LINES: Final = 30
WINDOW_SECONDS: Final = 60.0


class StrangersFilter(logging.Filter):
    """Lets few records a minute pass that a request alone can cause: ``django.security``, and what
    ``django.request`` says of responses below 500.

    The first one after some were left out has their number, as ``left_out``.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._lock = threading.Lock()
        self._until = 0.0
        self._passed = 0
        self._left_out = 0
        self._thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if not _is_of_strangers(record):
            return True
        if self._is_logged_already(record):
            return False
        with self._lock:
            now = self._now()
            if now >= self._until:
                self._until, self._passed = now + WINDOW_SECONDS, 0
            if self._passed >= LINES:
                self._left_out += 1
                return False
            self._passed += 1
            record.left_out, self._left_out = self._left_out, 0
        return True

    def _is_logged_already(self, record: logging.LogRecord) -> bool:
        """Whether ``django.security`` has named this request: "Bad Request" adds nothing to it."""
        request: Any = getattr(record, "request", None)
        if request is None:
            return False
        before = getattr(self._thread, "request", None)
        self._thread.request = id(request) if record.name.startswith("django.security") else None
        return before == id(request)


class RefusalsFilter(logging.Filter):
    """Lets one record a minute pass that says of a response that it is a 503.

    While a database is away Django logs an error for each request and probe, and mails it to
    ``ADMINS``: 181 in three minutes of one probe a second. What is away is logged where it is met.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._line = RareLine(now)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        return getattr(record, "status_code", None) != 503 or self._line.due() is not None


def _is_of_strangers(record: logging.LogRecord) -> bool:
    if record.name.startswith("django.security"):
        return True
    return record.name == "django.request" and record.levelno < logging.ERROR
