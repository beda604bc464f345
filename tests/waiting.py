"""Waiting for something to be so, with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    look: Callable[[], T | None], *, timeout: float = 60.0, interval: float = 0.02, what: str = ""
) -> T:
    """Return the first true value that ``look`` gives.

    Raises:
        AssertionError: none came in ``timeout`` seconds; ``what`` says what was waited for.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {timeout:g} s: {what or look!r}; last: {value!r}")
        time.sleep(interval)
