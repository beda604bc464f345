"""A task's log records go to its job's log, whatever the project's logging is.

A handler on the root logger would miss the records of a logger that does not propagate or whose
level (or whose parent's) is too high, and would silence ``logging.lastResort``. So three methods of
``logging.Logger`` are replaced while a process consumes. Levels, handlers and ``propagate`` are
never changed, and a project's handlers get the records that they would have got, and no others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from logging import Logger, LogRecord

from .output_sink import OutputSink, current_attempt, current_sink
from .replaced import replaced

_FORMATTER = logging.Formatter()
_HANDLER = logging.NullHandler()


@contextmanager
def log_records_kept(level: int) -> Iterator[None]:
    """Within it, a task's log records from this level on are kept with its job.

    Filters of a logger and ``logging.disable``, which is meant for the whole process, hold for the
    job's log too. Levels and ``disabled`` (``disable_existing_loggers``) do not.
    """
    is_enabled, handle, call_handlers = Logger.isEnabledFor, Logger.handle, Logger.callHandlers

    @wraps(is_enabled)
    def enabled_or_kept(self: Logger, asked: int) -> bool:
        if asked >= level and self.manager.disable < asked and current_sink() is not None:
            return True
        return is_enabled(self, asked)

    @wraps(handle)
    def handle_though_disabled(self: Logger, record: LogRecord) -> None:
        sink = current_sink() if self.disabled else None
        if sink is None:
            handle(self, record)
        elif passed := self.filter(record):  # from Python 3.12 on it may be another record
            _keep(sink, passed if isinstance(passed, LogRecord) else record)

    @wraps(call_handlers)
    def keep_and_call_handlers(self: Logger, record: LogRecord) -> None:
        sink = current_sink()
        if sink is None:
            call_handlers(self, record)
            return
        if record.levelno >= level:
            _keep(sink, record)
        if is_enabled(self, record.levelno):
            # What a handler writes is the project's output: a console handler that was made in a
            # task, and ``logging.lastResort``, write to ``sys.stderr``, which is ours.
            token = current_attempt.set(None)
            try:
                call_handlers(self, record)
            finally:
                current_attempt.reset(token)

    with ExitStack() as stack:
        stack.enter_context(replaced(Logger, "isEnabledFor", enabled_or_kept))
        stack.enter_context(replaced(Logger, "handle", handle_though_disabled))
        stack.enter_context(replaced(Logger, "callHandlers", keep_and_call_handlers))
        yield


def _keep(sink: OutputSink, record: LogRecord) -> None:
    """Add a record to a job's log. As ``logging`` promises, no fault in it reaches the task."""
    try:
        sink.log(f"{record.levelname} {record.name}: {_message(record)}{_details(record)}")
    except Exception:  # noqa: BLE001  (a child's pipe to its parent may be closed)
        token = current_attempt.set(None)
        _HANDLER.handleError(record)
        current_attempt.reset(token)


def _message(record: LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001  (any ``__str__`` may be in there)
        what = f"{_repr(record.msg)} cannot be formatted with {_repr(record.args)}"
        return f"{what}: {type(error).__name__}: {_repr(error)}"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  (as above)
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def _details(record: LogRecord) -> str:
    """Return the traceback and the stack of a record.

    A formatter would leave its text in the record, where the project's own formatters find it
    instead of making theirs.
    """
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(_FORMATTER.formatException(record.exc_info))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "".join("\n" + part for part in parts)
