"""What a task prints and logs is kept with its job."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from .attempt import current


class RoutedStream(io.TextIOBase):
    """Standard output and error: a task's words go to its job, all others where they went."""

    def __init__(self, original: TextIO) -> None:
        self._original = original

    def write(self, text: str, /) -> int:
        """Write to the job's log inside a task, else to the real stream."""
        attempt = current.get()
        if attempt is None:
            return self._original.write(text)
        attempt.print(text)
        return len(text)

    def flush(self) -> None:
        """Flush the real stream."""
        self._original.flush()

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The real stream's descriptor."""
        return self._original.fileno()

    def isatty(self) -> bool:
        """Outside a task, what the real stream says."""
        return current.get() is None and self._original.isatty()

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
        attempt = current.get()
        if attempt is not None:
            attempt.log(self.format(record))


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
