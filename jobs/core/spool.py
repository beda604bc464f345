"""Bytes on their way from one thread to another: in memory, and beyond that in a file."""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable
from typing import IO, Final

IN_MEMORY: Final = 512 * 1024
"""Bytes that are kept in memory; what is beyond is written to a file until that has been read."""
PIECE: Final = 64 * 1024


class SpoolClosed(Exception):
    """Whoever read it does not want the rest."""


class Spool:
    """A queue of bytes. One thread writes and one reads, neither waits for the other."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes that were written in all."""
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._read_to = self._written_to = 0  # places in the file
        self._has_ended = False
        self._is_closed = False
        self._error: Exception | None = None
        self._wake: Callable[[], None] | None = None

    # --- who writes ----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            SpoolClosed: nobody reads them.
            OSError: there is no room on the disk.
        """
        with self._changed:
            if self._is_closed:
                raise SpoolClosed
            self.size += len(data)
            if self._written_to or self._in_memory + len(data) > IN_MEMORY:
                self._write_to_file(data)
            elif data:
                self._pieces.append(data)
                self._in_memory += len(data)
            self._tell()

    def _write_to_file(self, data: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._file.seek(self._written_to)
        self._file.write(data)
        self._written_to += len(data)

    def end(self, error: Exception | None = None) -> None:
        """Note that nothing comes any more.

        With an error the reader gets that and nothing else: what is here is dropped, even of a
        spool that had ended. Of several errors the first counts.
        """
        with self._changed:
            self._has_ended = True
            self._error = self._error or error
            self._tell()

    def _tell(self) -> None:
        self._changed.notify_all()
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    # --- who reads -----------------------------------------------------------------------------

    def take(self) -> bytes | None:
        """Return some bytes, ``b""`` if there are none now, None at the end.

        Raises:
            Exception: that of ``end``.
        """
        with self._changed:
            if self._error is not None:
                raise self._error
            if self._pieces:
                data = self._pieces.popleft()
                self._in_memory -= len(data)
                return data
            if self._written_to and self._file is not None:
                return self._read_from(self._file)
            return None if self._has_ended else b""

    def _read_from(self, file: IO[bytes]) -> bytes:
        file.seek(self._read_to)
        data = file.read(min(PIECE, self._written_to - self._read_to))
        self._read_to += len(data)
        if self._read_to == self._written_to:
            file.truncate(0)
            self._read_to = self._written_to = 0
        return data

    def when_ready(self, wake: Callable[[], None]) -> None:
        """Call this once, in any thread, as soon as ``take`` has something to say."""
        with self._changed:
            if self._is_ready():
                wake()
            else:
                self._wake = wake

    def wait(self) -> None:
        """Return as soon as ``take`` has something to say."""
        with self._changed:
            self._changed.wait_for(self._is_ready)

    def _is_ready(self) -> bool:
        return bool(self._pieces or self._written_to or self._has_ended or self._is_closed)

    @property
    def is_complete(self) -> bool:
        """Whether its end has come, without an error."""
        return self._has_ended and self._error is None

    def close(self) -> None:
        """Want no more, and delete what there is."""
        with self._changed:
            self._is_closed = True
            self._pieces.clear()
            self._in_memory = self._read_to = self._written_to = 0
            if self._file is not None:
                self._file.close()
            self._tell()
