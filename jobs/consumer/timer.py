"""A timer that may be early, so that several share an awakening."""

from __future__ import annotations

import random
import time


class Timer:
    """Something that is due every so many seconds.

    Args:
        jitter: the share of the time by which it varies at random, each time.
        slack: the share of the time by which it may come early, so that what is due at about the
            same moment costs one awakening.
        at_once: whether it is due now.
    """

    def __init__(
        self, seconds: float, *, jitter: float = 0.0, slack: float = 0.0, at_once: bool = False
    ) -> None:
        self._seconds = seconds
        self._slack = seconds * slack
        self._jitter = jitter
        self._next = self._early = time.monotonic()
        if not at_once:
            self.restart()

    def restart(self) -> None:
        """Count from now."""
        spread = self._seconds * self._jitter * random.uniform(-1, 1)  # noqa: S311
        self._next = time.monotonic() + self._seconds + spread
        self._early = self._next - self._slack

    def is_due(self, *, early: bool = True) -> bool:
        """Whether it is due, or may come early; if so, the next time is set."""
        if time.monotonic() < (self._early if early else self._next):
            return False
        self.restart()
        return True

    def hurry(self, seconds: float) -> None:
        """Be due within so many seconds."""
        self._next = min(self._next, time.monotonic() + seconds)
        self._early = min(self._early, self._next)

    def left(self) -> float:
        """Seconds until it is due."""
        return max(0.0, self._next - time.monotonic())
