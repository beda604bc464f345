"""Chooses the listener for an SQLite file; and the two listeners that nothing wakes."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path

from jobs.brokers.base import Listener

from .data_version import DataVersionListener

TIMED_SECONDS = 0.2


def sqlite_listener(database: Path, data_dir: Path) -> Listener:
    """Return the best listener for an SQLite file.

    SQLite itself notifies nobody. A datagram after each commit does, on every system; where a
    sandbox forbids datagrams, SQLite is asked again and again.
    """
    if not database.is_file():
        return TimedListener()
    from .udp_listener import UdpListener  # late: only a consumer needs it

    try:
        return UdpListener(database, data_dir)
    except OSError:
        return DataVersionListener(database)


class TimedListener:
    """Reports a change every 0.2 s: for a database that cannot notify."""

    queues: Collection[str] | None = None

    def __init__(self, seconds: float = TIMED_SECONDS) -> None:
        self._closed = threading.Event()
        self._seconds = seconds

    def wait(self, timeout: float) -> bool:
        """Wait for a fixed time; then the table is polled."""
        return not self._closed.wait(min(timeout, self._seconds))

    def close(self) -> None:
        """End a running ``wait``."""
        self._closed.set()


class SilentListener:
    """Never reports a change: for a broker whose messages wake consumers."""

    queues: Collection[str] | None = None

    def __init__(self) -> None:
        self._closed = threading.Event()

    def wait(self, timeout: float) -> bool:
        """Wait until the time is over or the listener is closed."""
        self._closed.wait(timeout)
        return False

    def close(self) -> None:
        """End a running ``wait``."""
        self._closed.set()
