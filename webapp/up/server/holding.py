"""Requests that wait for news and keep no thread; ``jobs.core.held_requests`` has the rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from jobs.core.held_requests import Hold, Seats, Wait

__all__ = ["SHARE", "HeldRequest", "Hold", "Seats"]
SHARE: Final = 0.65
"""Of all connections, how many may be held: less than one address may have, so that those who hold
theirs do not keep others away."""


class HeldRequest:
    """A request while it is held. All but ``wake`` is called by the event loop.

    Args:
        wait: what it waits for.
        seats: one of them was taken.
        go_on: called once, when there is news, or when the wait is over; not after ``end``.
        abandon: called instead if the client has gone.
    """

    def __init__(
        self,
        wait: Wait,
        seats: Seats,
        go_on: Callable[[], None],
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self._wait = wait
        self._seats = seats
        self._go_on = go_on
        self._abandon = abandon
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def begin(
        self, loop: asyncio.AbstractEventLoop, call: Callable[[Callable[[], None]], None]
    ) -> None:
        """Begin to wait; ``call`` has the event loop call a function, from any thread."""
        self._timer = loop.call_later(max(0.0, self._wait.until - time.monotonic()), self.go_on)
        self._wait.begin(lambda: call(self.go_on))

    def go_on(self) -> None:
        """Let the request go on, if it has not already."""
        if not self._is_over:
            self._end()
            self._go_on()

    def abandon(self) -> None:
        """Wait no more: the client has gone."""
        if not self._is_over:
            self._end()
            self._abandon()

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._seats.give_back()
        self._wait.end()
