"""What the tasks framework itself logs when a job has ended without success.

Its receiver of ``task_finished`` logs ``Task id=... state=FAILED`` at ERROR. A consumer has logged
the failure by then, with the same exception and more (``jobs.consumer.failure_log``): an error
tracker would count each failure twice. And to the framework a cancelled job is a failed one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from jobs.compat import FRAMEWORK_LOGGER
from jobs.core.states import Status

_ending: ContextVar[Status | None] = ContextVar("jobs_ending", default=None)
_OURS: Final = logging.getLogger("jobs")


class _FirstRecordOnly(logging.Filter):
    """Lets a record about a job's failure reach only the handlers that have not got ours.

    With Django's own logging that is the one that mails to ADMINS: the logger ``jobs`` is not below
    ``django``. Where both loggers hand their records to the same handlers, it is none.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        status = _ending.get()
        if status is None:
            return True
        if status == Status.CANCELLED:  # no error
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
            record.exc_info = None
            return True
        if not _OURS.isEnabledFor(record.levelno):  # nobody has got ours
            return True
        seen = set(_handlers_of(_OURS))
        for handler in _handlers_of(FRAMEWORK_LOGGER):
            if handler not in seen and record.levelno >= handler.level:
                handler.handle(record)
        return False


_FILTER: Final = _FirstRecordOnly()


@contextmanager
def ending(status: Status) -> Iterator[None]:
    """Within it, the framework's receivers are told of a job that has ended without success."""
    FRAMEWORK_LOGGER.addFilter(_FILTER)  # once: it looks for it first
    token = _ending.set(status)
    try:
        yield
    finally:
        _ending.reset(token)


def _handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Yield the handlers that a record of a logger goes to."""
    found: logging.Logger | None = logger
    while found is not None:
        yield from found.handlers
        found = found.parent if found.propagate else None
