"""How an idle consumer notices a commit within milliseconds, at next to no cost.

SQLite has no listeners. On Linux the kernel tells when the write-ahead log grows (inotify: about
a millisecond, and nothing while nothing happens); elsewhere ``PRAGMA data_version`` is asked
every few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import platform
import select
import sqlite3
import struct
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from .base import Bell

POLL_SECONDS = 0.012  # each question is a read transaction: 0.7 % of a core
TIMED_SECONDS = 0.2
# The log grows before its commit can be seen: look again, a little later each time.
VISIBLE_AFTER = (0.0, 0.0003, 0.0006, 0.0012, 0.0024, 0.005)
# A slow disk or a busy machine takes longer, and the kernel does not tell a second time.
LATE_AFTER = (0.01, 0.03, 0.1, 0.3, 1.0)

_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_IN_NONBLOCK, _IN_CLOEXEC = 0x800, 0x80000
_EVENT = struct.Struct("iIII")


def sqlite_bell(database: Path) -> Bell:
    """Return the best bell there is for an SQLite file."""
    if not database.is_file():
        return TimedBell()
    if platform.system() == "Linux":
        try:
            return InotifyBell(database)
        except OSError:  # no watch left, or not allowed here: the slower bell works anywhere
            return VersionBell(database)
    return VersionBell(database)


class TimedBell:
    """Rings every fifth of a second: for a database that cannot tell of its commits."""

    queues: Collection[str] | None = None

    def __init__(self, seconds: float = TIMED_SECONDS) -> None:
        self._closed = threading.Event()
        self._seconds = seconds

    def wait(self, timeout: float) -> bool:
        """Wait a fixed time; then it is time to look."""
        return not self._closed.wait(min(timeout, self._seconds))

    def close(self) -> None:
        """Wake who waits."""
        self._closed.set()


class SilentBell:
    """Never rings: for a broker that tells consumers itself."""

    queues: Collection[str] | None = None

    def __init__(self) -> None:
        self._closed = threading.Event()

    def wait(self, timeout: float) -> bool:
        """Wait in vain."""
        self._closed.wait(timeout)
        return False

    def close(self) -> None:
        """Wake who waits."""
        self._closed.set()


class _Version:
    """SQLite's counter of commits by other connections (``PRAGMA data_version``)."""

    def __init__(self, database: Path) -> None:
        self._db = sqlite3.connect(database, check_same_thread=False, timeout=1)
        self._seen = self._read()

    def _read(self) -> int | None:
        try:
            row = self._db.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None  # locked for a moment: it may have changed
        return int(row[0])

    def changed(self) -> bool:
        """Whether someone has committed since the last call."""
        before, self._seen = self._seen, self._read()
        return self._seen is None or self._seen != before

    def close(self) -> None:
        self._db.close()


class VersionBell:
    """Asks SQLite every 12 ms."""

    queues: Collection[str] | None = None

    def __init__(self, database: Path) -> None:
        self._version = _Version(database)
        self._closed = False
        self._listening = threading.Lock()

    def wait(self, timeout: float) -> bool:
        """Wait for a commit of another connection."""
        end = time.monotonic() + timeout
        with self._listening:
            while not self._closed:
                if self._version.changed():
                    return True
                left = end - time.monotonic()
                if left <= 0:
                    break
                # Not an event's wait, which costs more: who closes waits that long.
                time.sleep(min(POLL_SECONDS, left))
        return False

    def close(self) -> None:
        """Let who waits end, then let go of the file."""
        self._closed = True
        with self._listening:
            self._version.close()


class InotifyBell:
    """Listens to the kernel for writes to the ``-wal`` file (inotify(7)).

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
        self._version = _Version(database)
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
