"""When a consumer process that ended is replaced. Imports nothing, because the site's process reads
it too."""

from __future__ import annotations

from typing import Final

DRAINED: Final = 0
"""Exit code: the process finished or released what it had."""
BROKEN_OFF: Final = 1
"""Exit code: the process could not go on; its jobs run again."""
REPLACE: Final = 75
"""Exit code: a thread could not be stopped, start another process in place of this one."""
STOPPED: Final = 76
"""Exit code of a supervised process: an operator had it stopped, start no other in its place."""
QUICK_SECONDS: Final = 10.0
"""A process that lived no longer died as soon as it started."""
LONGEST_PAUSE: Final = 30.0
GIVE_UP_AFTER: Final = 8


def pause_after(quick_deaths: int) -> float:
    """Return how many seconds to wait before the next start: longer the more often a process died
    as soon as it started."""
    # Capped before the power: `up` never gives up, and floats end at 2.0 ** 1024.
    return min(LONGEST_PAUSE, 0.25 * 2.0 ** min(quick_deaths, 10))


def is_worth_a_restart(quick_deaths: int) -> bool:
    """Whether another start may help after so many deaths in a row."""
    return quick_deaths < GIVE_UP_AFTER
