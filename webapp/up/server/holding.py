"""Requests that wait for news and keep no thread; ``jobs.core.held_requests`` has the rules."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final

from jobs.core.held_requests import Wait

SHARE: Final = 0.65
"""Of all connections, how many may be held: less than one address may have, so that those who hold
theirs do not keep others away."""


class Seats:
    """How many requests may be held at once in this process.

    Args:
        most: this many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Return whether there was one more."""
        with self._lock:
            is_free = self._taken < self._most
            self._taken += is_free
            return is_free

    def give_back(self) -> None:
        """Note that a request is held no more."""
        with self._lock:
            self._taken -= 1


class Hold:
    """What an application finds as ``environ["jobs.hold"]``: one for each request.

    Args:
        seats: of the process.
        may_hold: whether the connection could wait now.
    """

    __slots__ = ("_may_hold", "_seats", "_wait")

    def __init__(self, seats: Seats, may_hold: Callable[[], bool]) -> None:
        self._seats = seats
        self._may_hold = may_hold
        self._wait: Wait | None = None

    def __call__(self, wait: Wait) -> bool:
        """Ask to be held; return whether the server does so."""
        if self._wait is None and not (self._may_hold() and self._seats.take()):
            return False
        self._wait = wait
        return True

    def taken(self) -> Wait | None:
        """Return what the application wants to wait for, once."""
        wait, self._wait = self._wait, None
        return wait

    def forget(self) -> None:
        """The application has asked, and then made something else of the request."""
        if self.taken() is not None:
            self._seats.give_back()


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
