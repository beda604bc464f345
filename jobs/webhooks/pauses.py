"""How long a delivery that has failed waits for its next attempt: about a day in all."""

from __future__ import annotations

import random
from typing import Final

PAUSES: Final = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds after each failure, as Standard Webhooks recommends: 27.6 hours together."""
ATTEMPTS: Final = len(PAUSES) + 1
MOST_ASKED_FOR: Final = 86_400.0
"""A receiver that asks for more seconds (``Retry-After``) is not heard."""


def pause_seconds(failures: int, asked: float | None = None) -> float:
    """Return the seconds until the next attempt.

    Args:
        failures: how many attempts have failed, 1 or more.
        asked: what the receiver has asked for, in seconds; never less than that.
    """
    pause = PAUSES[min(failures, len(PAUSES)) - 1]
    # Up to a tenth more, so that what failed together is not sent again together.
    jittered = pause * random.uniform(1.0, 1.1)  # noqa: S311
    return max(jittered, min(asked or 0.0, MOST_ASKED_FOR))
