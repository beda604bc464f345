"""Waits for a condition with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    look: Callable[[], T | None], *, timeout: float = 60.0, interval: float = 0.02, what: str = ""
) -> T:
    """Call ``look`` every ``interval`` seconds; return its first true value.

    Raises:
        AssertionError: there was none within ``timeout`` seconds; ``what`` describes the condition.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {timeout:g} s: {what or look!r}; last: {value!r}")
        time.sleep(interval)
