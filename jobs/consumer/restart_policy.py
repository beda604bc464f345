"""When a consumer process that ended is replaced: what its parents, ``runconsumers`` and ``up``,
agree on. Imports nothing, because the site's process reads it too."""

from __future__ import annotations

from typing import Final

REPLACE: Final = 75
"""Exit code: a thread was left behind, start another process in my place."""
QUICK_SECONDS: Final = 10.0
"""A process that lived no longer died as soon as it started."""
LONGEST_PAUSE: Final = 30.0


def pause_after(quick_deaths: int) -> float:
    """Return how long to wait before the next start: longer the more often it died at once."""
    # Capped before the power: `up` never gives up, and floats end at 2.0 ** 1024.
    return min(LONGEST_PAUSE, 0.25 * 2.0 ** min(quick_deaths, 10))
