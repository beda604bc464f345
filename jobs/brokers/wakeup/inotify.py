"""Linux's kernel tells an idle consumer that SQLite's write-ahead log has grown (inotify(7)).

It takes about a millisecond, and nothing while nothing happens.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from .data_version import DataVersion

# The log grows before its commit can be seen: look again, a little later each time.
VISIBLE_AFTER = (0.0, 0.0003, 0.0006, 0.0012, 0.0024, 0.005)
# A slow disk or a busy machine takes longer, and the kernel does not tell a second time.
LATE_AFTER = (0.01, 0.03, 0.1, 0.3, 1.0)

_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_IN_NONBLOCK, _IN_CLOEXEC = 0x800, 0x80000
_EVENT = struct.Struct("iIII")


class InotifyListener:
    """Listens to the kernel for writes to the ``-wal`` file.

    The folder is watched, not the file: SQLite deletes the log when the last connection closes.
    """

    queues: Collection[str] | None = None

    def __init__(self, database: Path) -> None:
        self._log = f"{database.name}-wal".encode()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC))
        mask = _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE
        folder = os.fsencode(database.parent.resolve())
        self._checked(self._libc.inotify_add_watch(self._fd, folder, mask))
        self._version = DataVersion(database)
        self._late: Iterator[float] = iter(())
        self._wake_out, self._wake_in = os.pipe()
        self._closed = False
        self._listening = threading.Lock()

    def _checked(self, answer: int) -> int:
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return answer

    def wait(self, timeout: float) -> bool:
        """Wait for a commit of another connection."""
        with self._listening:
            return not self._closed and self._listen(time.monotonic() + timeout)

    def _listen(self, end: float) -> bool:
        while (left := end - time.monotonic()) > 0:
            late = next(self._late, None)
            pause = left if late is None else min(left, late)
            ready, _, _ = select.select([self._fd, self._wake_out], [], [], pause)
            if self._wake_out in ready:
                return False
            if self._fd in ready:
                if self._look():
                    return True
            elif late is not None and self._version.changed():
                return True
        return False

    def _look(self) -> bool:
        if not self._log_grew():
            return False
        # Even when a commit is seen: it may be the one before that which made the log grow.
        self._late = iter(LATE_AFTER)
        return self._committed()

    def _log_grew(self) -> bool:
        """Read all pending events; whether one is of the log."""
        found = False
        try:
            while data := os.read(self._fd, 65536):
                found = found or self._names_log(data)
        except BlockingIOError:
            return found
        return found

    def _names_log(self, data: bytes) -> bool:
        at = 0
        while at + _EVENT.size <= len(data):
            length = _EVENT.unpack_from(data, at)[3]
            at += _EVENT.size
            if data[at : at + length].rstrip(b"\0") == self._log:
                return True
            at += length
        return False

    def _committed(self) -> bool:
        for pause in VISIBLE_AFTER:
            time.sleep(pause)
            if self._version.changed():
                return True
        return False

    def close(self) -> None:
        """Wake who waits, then let go of the files."""
        if self._closed:
            return
        os.write(self._wake_in, b"x")
        with self._listening:
            self._closed = True
            self._version.close()
            for descriptor in (self._fd, self._wake_in, self._wake_out):
                os.close(descriptor)
