"""The health of one consumer process, as its batch writer shows it."""

from __future__ import annotations

import time

from .file import HealthFile, Times

STUCK_SECONDS = 120.0
"""The batch writer goes round every two seconds or more often, also while the database is away."""
FILE_SECONDS = 1.0


class ConsumerHealth:
    """Told by the batch writer what it does.

    Args:
        lease_seconds: a heartbeat is due ten times in it; without any in it, nothing is taken.
        file: to keep up to date, if one was asked for.
    """

    def __init__(self, lease_seconds: float, file: HealthFile | None = None) -> None:
        self._lease_seconds = lease_seconds
        self._file = file
        self._round_at = time.monotonic()
        self._heartbeat_at: float | None = None
        self._next_write = 0.0
        self._stopping = False

    def went_round(self) -> None:
        """The batch writer goes round its loop: it is not stuck."""
        self._round_at = now = time.monotonic()
        if self._file is not None and now >= self._next_write:
            self._write()

    def heartbeat(self) -> None:
        """A heartbeat was committed."""
        self._heartbeat_at = time.monotonic()
        if self._file is not None:
            self._write()

    def stop(self) -> None:
        """The process takes nothing new."""
        self._stopping = True

    def _write(self) -> None:
        if self._file is None or self._heartbeat_at is None:
            return
        now, wall = time.monotonic(), time.time()
        self._next_write = now + FILE_SECONDS
        self._file.write(Times(wall - (now - self._round_at), wall - (now - self._heartbeat_at)))

    # Health.

    def why_stuck(self) -> str:
        """Whether the batch writer goes round."""
        seconds = time.monotonic() - self._round_at
        if seconds <= STUCK_SECONDS:
            return ""
        return f"The thread that writes to the database has been stuck for {seconds:.0f} s."

    def why_not_ready(self) -> str:
        """Whether it takes jobs: a heartbeat was committed within a lease."""
        if self._stopping:
            return "The consumer is stopping."
        if self._heartbeat_at is None:
            return "The consumer is starting."
        return silence(time.monotonic() - self._heartbeat_at, self._lease_seconds)


def silence(seconds: float, lease_seconds: float) -> str:
    """Return the sentence about a last heartbeat so long ago; "" within a lease."""
    if seconds <= lease_seconds:
        return ""
    return f"No heartbeat was committed for {seconds:.0f} s: is the database away?"
