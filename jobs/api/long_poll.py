"""Long polls: requests that wait until a job changes. Few at a time, and cheap meanwhile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

MAX_WAIT: Final = 30
_FIRST_PAUSE: Final = 0.005
_MAX_PAUSE: Final = 0.25
_GROWTH: Final = 1.3
_WAIT: Final = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE)

_lock = threading.Lock()
_occupied = 0


def wait_preference(header: str) -> int | None:
    """Return the seconds that ``Prefer: wait=N`` asks for, at most ``MAX_WAIT``; None for none.

    By RFC 7240, a preference that is not understood is ignored, and the first of two counts.
    """
    for preference in header.split(",") if header else ():
        found = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if found is not None:
            return min(int(found[1]), MAX_WAIT)
    return None


@contextmanager
def wait_slot(limit: int) -> Iterator[bool]:
    """Occupy one of so many wait slots during the block; yields False when all are occupied."""
    global _occupied
    with _lock:
        free = _occupied < limit
        _occupied += free
    try:
        yield free
    finally:
        with _lock:
            _occupied -= free


def wait_until(is_done: Callable[[], bool], seconds: float) -> None:
    """Return when ``is_done`` returns True, or after the seconds.

    The pauses grow: the end of a quick job is seen within milliseconds, a slow job costs four
    reads a second.
    """
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not is_done():
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * _GROWTH, _MAX_PAUSE)
