"""How long this process's jobs take lately."""

from __future__ import annotations

from typing import Final

QUICK_SECONDS: Final = 0.002
SHORT_SECONDS: Final = 0.05
FEWEST: Final = 4
MEMORY: Final = 10


class DurationStats:
    """A running mean: a plain one at first, so that a burst is known for one after a few jobs."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0

    def note(self, seconds: float) -> None:
        """A job has taken so long."""
        self._count += 1
        self._mean += (seconds - self._mean) / min(self._count, MEMORY)

    @property
    def is_quick(self) -> bool:
        """Whether jobs take so little that waiting for a commit each would be most of it."""
        return self._count >= FEWEST and self._mean < QUICK_SECONDS

    @property
    def is_short(self) -> bool:
        """Whether a commit is much beside a job, and a job that waits for another waits little."""
        return self._count >= FEWEST and self._mean < SHORT_SECONDS
