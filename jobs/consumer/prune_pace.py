"""How much retention deletes at once, and how long it pauses then."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

CHUNK_SECONDS: Final = {"sqlite": 0.05}
"""How long one chunk should take: on SQLite nobody else writes meanwhile."""
OTHER_CHUNK_SECONDS: Final = 0.5
"""The same on PostgreSQL, where it locks old finished jobs only."""
FIRST = 100
FEWEST: Final = 20
MOST: Final = 1000
USUAL_SHARE: Final = 0.2
"""Deleting takes this part of the time, of all consumers together, while it keeps up."""
LARGEST_SHARE: Final = 0.5
"""The same when it is behind by ``FAR_BEHIND``."""
FAR_BEHIND: Final = timedelta(hours=2)


class PrunePace:
    """Adapts the size of a chunk to the database, and the pauses to what is overdue.

    A chunk of a thousand jobs is deleted five times as quickly a job as one of a hundred on
    PostgreSQL, so chunks are as large as fits into the time that one may take.

    Args:
        vendor: that of the database, as Django names it.
    """

    def __init__(self, vendor: str) -> None:
        self._chunk_seconds = CHUNK_SECONDS.get(vendor, OTHER_CHUNK_SECONDS)
        self.limit = FIRST
        """The number of rows of the next chunk."""

    def adapt(self, seconds: float, rows: int) -> None:
        """Choose the size of the next chunk.

        Args:
            seconds: how long the last one took.
            rows: how many rows it has deleted; fewer than ``limit`` say nothing.
        """
        if rows >= self.limit:
            fitting = int(self.limit * self._chunk_seconds / max(seconds, 0.001))
            # One slow chunk, or one quick one, says little.
            self.limit = max(FEWEST, min(MOST, 2 * self.limit, max(self.limit // 2, fitting)))

    def pause(self, seconds: float, overdue: timedelta, consumers: int) -> float:
        """Return how many seconds to wait after a chunk.

        Args:
            seconds: how long it took.
            overdue: how long its jobs had been over their retention.
            consumers: how many processes share the work.
        """
        behind = min(1.0, overdue / FAR_BEHIND)
        share = USUAL_SHARE + (LARGEST_SHARE - USUAL_SHARE) * behind
        return seconds * (max(1, consumers) / share - 1)
