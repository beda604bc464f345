"""Waiting for other processes by asking the database."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

POLL_SECONDS: Final = 0.2


def poll_until(is_done: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is done; return whether it was within so many seconds."""
    deadline = monotonic() + seconds
    while not is_done():
        left = deadline - monotonic()
        if left <= 0:
            return False
        sleep(min(POLL_SECONDS, left))
    return True


def pause() -> None:
    """Wait as long as there is between two questions."""
    sleep(POLL_SECONDS)
