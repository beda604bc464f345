"""How long a failed job waits before its next attempt."""

from __future__ import annotations

import random
from typing import Final

BASE: Final = 2.0
"""The full pause after the first failure, in seconds."""
CEILING: Final = 600.0
"""The longest pause, in seconds."""


def backoff_seconds(failures: int, rng: random.Random | None = None) -> float:
    """Return the pause in seconds after the given number of failures (1 or more).

    Exponential with "equal jitter": half of the pause is fixed, so that a retry is never immediate,
    and half is random, so that jobs that failed together do not run again together. (Marc Brooker,
    "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.)
    """
    full = min(CEILING, BASE * 2.0 ** min(failures - 1, 30))
    return full / 2 + (rng or random).uniform(0, full / 2)
