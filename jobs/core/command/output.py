"""What a command writes: passed on line by line, and its end kept."""

from __future__ import annotations

import codecs
import contextlib
import os
import threading
from collections.abc import Callable
from typing import IO, Final

KEPT: Final = 1_000_000
"""Characters of the output that are kept for the result, the last ones."""
READ_SIZE: Final = 65_536
JOIN_SECONDS: Final = 1.0
"""How long to wait for the rest of the output after the command has ended. What it started may have
left its process tree and hold the pipe."""


class OutputReader:
    """Reads a pipe to its end in a thread of its own.

    Args:
        pipe: standard output and standard error of the command.
        encoding: of the text; what is not valid becomes U+FFFD.
        on_lines: called with whole lines, without the last line's end.
    """

    def __init__(self, pipe: IO[bytes], encoding: str, on_lines: Callable[[str], object]) -> None:
        self._pipe = pipe
        self._decode = codecs.getincrementaldecoder(encoding)("replace").decode
        self._on_lines = on_lines
        self._line = ""
        self._ended_with_return = False
        self._kept: list[str] = []
        self._length = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="command-output", daemon=True)
        self._thread.start()

    def finish(self) -> str:
        """Wait a moment for the end of the pipe; return what was read, the last ``KEPT`` of it.

        Lines end with a line feed alone, as with ``subprocess.run(text=True)``.
        """
        self._thread.join(JOIN_SECONDS)
        with self._lock:
            return "".join(self._kept).replace("\r\n", "\n")[-KEPT:]

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the pipe was closed under us
            while data := os.read(self._pipe.fileno(), READ_SIZE):
                self._add(self._decode(data))
        self._add(self._decode(b"", True), last=True)

    def _add(self, text: str, *, last: bool = False) -> None:
        self._keep(text)
        if self._ended_with_return:
            text = text.removeprefix("\n")  # the other half of a line's end on Windows
        self._ended_with_return = text.endswith("\r")
        # A bar of progress that is drawn again and again ends each time with a carriage return.
        text = self._line + text.replace("\r\n", "\n").replace("\r", "\n")
        lines, _, self._line = text.rpartition("\n")
        if last and self._line:
            lines, self._line = f"{lines}\n{self._line}" if lines else self._line, ""
        if lines:
            self._on_lines(lines)

    def _keep(self, text: str) -> None:
        with self._lock:
            self._kept.append(text)
            self._length += len(text)
            if self._length > 2 * KEPT:
                self._kept = ["".join(self._kept)[-KEPT:]]
                self._length = KEPT
