"""Requests that wait for a job: a few at a time, and cheap while they do."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from jobs.conf import get_conf

MAX_WAIT: Final = 30
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.25
_GROWTH: Final = 1.3
_WAIT: Final = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.IGNORECASE)

_lock = threading.Lock()
_seated = 0


def wait_preference(header: str) -> int | None:
    """Return the seconds that ``Prefer: wait=N`` asks for, at most ``MAX_WAIT``; None for none.

    As RFC 7240 has it, what is not understood is passed over, and the first of two counts.
    """
    for preference in header.split(",") if header else ():
        found = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if found is not None:
            return min(int(found[1]), MAX_WAIT)
    return None


@contextmanager
def wait_slot() -> Iterator[bool]:
    """Take a seat in the waiting room for the block; False when it is full.

    Each waiting request keeps a thread of the server: a quarter of them may, so that the others
    go on serving.
    """
    global _seated
    with _lock:
        free = _seated < get_conf().server_threads // 4
        _seated += free
    try:
        yield free
    finally:
        with _lock:
            _seated -= free


def wait_until(arrived: Callable[[], bool], seconds: float) -> None:
    """Return when ``arrived`` says so, or after the seconds.

    The pauses grow: a quick job is told within milliseconds, a slow one costs four reads a second.
    """
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not arrived():
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
