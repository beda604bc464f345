"""How slow a client may be.

A connection costs no thread while its client sends or reads, so these limits are generous: they
exist so that what is stuck does not stay for ever. A client that is merely slow, on a telephone in
a train, passes: it moves a kibibyte a second.
"""

from __future__ import annotations

from typing import Final

IDLE_SECONDS: Final = 75.0
"""Between two requests. Longer than the 60 s after which nginx gives up an idle connection: if
both closed it at the same time, a request could be lost."""
HEAD_SECONDS: Final = 15.0
"""From the first byte of a request to the end of its header fields."""
GRACE_SECONDS: Final = 20.0
"""Before the rate is looked at, and between two bytes of a body."""
RATE: Final = 1024
"""Bytes a second that a body or a response must move, on average."""
STUCK_SECONDS: Final = 60.0
"""Without any progress of a response. Several times as long as for a body: the system takes some
hundred kilobytes at once, and a slow client needs a while to make room for more."""


class Pace:
    """Progress of a body, or of a response.

    Args:
        now: seconds of a monotonic clock.
        stuck: seconds that may pass without any progress.
    """

    __slots__ = ("_started", "_stuck", "moved_at", "total")

    def __init__(self, now: float, stuck: float = GRACE_SECONDS) -> None:
        self._started = self.moved_at = now
        self._stuck = stuck
        self.total = 0

    def note(self, total: int, now: float) -> None:
        """Note how many bytes have moved since the beginning."""
        if total > self.total:
            self.total = total
            self.moved_at = now

    def is_too_slow(self, now: float) -> bool:
        """Whether the client has stopped, or is below the rate."""
        by_rate = self._started + max(GRACE_SECONDS, self._stuck) + self.total / RATE
        return now > min(self.moved_at + self._stuck, by_rate)
