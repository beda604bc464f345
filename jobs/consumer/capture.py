"""What a task prints and logs is kept with its job."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TextIO


class OutputSink(Protocol):
    """Receives what a running task prints and logs."""

    def print(self, text: str) -> None:
        """Append printed text, as a stream does: a line may come in pieces."""

    def log(self, text: str) -> None:
        """Append whole lines."""


current_attempt: ContextVar[OutputSink | None] = ContextVar("jobs_attempt", default=None)
"""Receives the output of the task that this thread (or coroutine) runs; None outside a task."""


class RoutedStream(io.TextIOBase):
    """Standard output or error: inside a task the job's log, elsewhere the real stream."""

    def __init__(self, original: TextIO) -> None:
        self._original = original

    def write(self, text: str, /) -> int:
        """Write to the job's log inside a task, else to the real stream."""
        sink = current_attempt.get()
        if sink is None:
            return self._original.write(text)
        sink.print(text)
        return len(text)

    def flush(self) -> None:
        """Flush the real stream."""
        self._original.flush()

    def writable(self) -> bool:
        """Always true."""
        return True

    def fileno(self) -> int:
        """Return the real stream's descriptor."""
        return self._original.fileno()

    def isatty(self) -> bool:
        """False inside a task, whose output goes to a log."""
        return current_attempt.get() is None and self._original.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The real stream's encoding."""
        return self._original.encoding


class JobLogHandler(logging.Handler):
    """Puts a task's log records into its job's log."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record if a task of this thread made it."""
        sink = current_attempt.get()
        if sink is not None:
            sink.log(self.format(record))


@contextmanager
def captured() -> Iterator[None]:
    """Route standard output, standard error and the root logger for this process's tasks."""
    out, err, root, handler = sys.stdout, sys.stderr, logging.getLogger(), JobLogHandler()
    sys.stdout, sys.stderr = RoutedStream(out), RoutedStream(err)
    root.addHandler(handler)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        root.removeHandler(handler)
