"""Which bell an idle consumer of an SQLite file hears, and two for those that hear none.

SQLite has no listeners. On Linux the kernel tells of a commit (``inotify``); elsewhere who has
committed knocks (``loopback``); where that is forbidden SQLite is asked again and again
(``asking``).
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from jobs.brokers.base import Listener

from .data_version import DataVersionListener
from .inotify import InotifyListener

TIMED_SECONDS = 0.2


def sqlite_listener(database: Path, data_dir: Path) -> Listener:
    """Return the best bell there is for an SQLite file."""
    if not database.is_file():
        return TimedListener()
    if platform.system() == "Linux":
        with suppress(OSError):  # no watch left, or not allowed here
            return InotifyListener(database)
    from .udp_listener import UdpListener  # late: only a consumer needs it, and only here

    try:
        return UdpListener(database, data_dir)
    except OSError:
        return DataVersionListener(database)


class TimedListener:
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


class SilentListener:
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
