"""Waiting for the next job in the feed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from .page import Page

FIRST_PAUSE: Final = 0.005
MAX_PAUSE: Final = 0.04
"""So an ending is seen within 20 ms in the middle, for 25 statements a second."""
_GROWTH: Final = 1.5


def wait_for_page(
    read: Callable[[], Page], seconds: float, sleep: Callable[[float], object] = time.sleep
) -> Page:
    """Return the first page that has a job, or the last one after so many seconds.

    A page that is empty because a filter let nothing through goes on at once.

    Args:
        read: reads the next page; called again and again.
        seconds: how long; infinite for as long as it takes.
        sleep: waits so many seconds; a true value ends the wait.
    """
    end = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        page = read()
        left = end - time.monotonic()
        if page.items or left <= 0:
            return page
        if not page.more:
            if sleep(min(pause, left)):
                return page
            pause = min(pause * _GROWTH, MAX_PAUSE)
