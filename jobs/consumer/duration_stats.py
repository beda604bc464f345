"""How long the jobs of this process have taken lately."""

from __future__ import annotations

from typing import Final

QUICK_SECONDS: Final = 0.002
SHORT_SECONDS: Final = 0.05
FEWEST: Final = 4
MEMORY: Final = 10


class DurationStats:
    """A running mean over about ``MEMORY`` jobs.

    It begins as a plain mean, so that a burst is recognised after ``FEWEST`` jobs.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0

    def add(self, seconds: float) -> None:
        """Add the duration of a job."""
        self._count += 1
        self._mean += (seconds - self._mean) / min(self._count, MEMORY)

    @property
    def is_quick(self) -> bool:
        """Mean duration below 2 ms: most of the time would go into waiting for a commit each."""
        return self._count >= FEWEST and self._mean < QUICK_SECONDS

    @property
    def is_short(self) -> bool:
        """Mean duration below 50 ms: a commit takes long beside such a job, and a job that waits
        for another does not wait long."""
        return self._count >= FEWEST and self._mean < SHORT_SECONDS
