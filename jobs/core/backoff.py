"""How long a failed job waits before its next attempt."""

from __future__ import annotations

import random
from typing import Final

BASE: Final = 2.0
CEILING: Final = 600.0


def backoff_seconds(failures: int, rng: random.Random | None = None) -> float:
    """Return the pause in seconds after the given number of failures (1 or more).

    Exponential with "equal jitter": half of the pause is fixed, so that a retry is never at once,
    and half is drawn, so that jobs that failed together do not come back together. (Marc Brooker,
    "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.)
    """
    whole = min(CEILING, BASE * 2.0 ** min(failures - 1, 30))
    return whole / 2 + (rng or random).uniform(0, whole / 2)
