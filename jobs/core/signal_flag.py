"""An event that a signal handler may set."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue


class SignalFlag:
    """What ``threading.Event`` is for threads.

    A handler that sets an ``Event`` waits for ever when the thread that it interrupts is just
    waiting for that event, and holds its lock for a moment: one signal of 50 was lost by that on
    Windows, one of 3,000 on Linux, with waits of 10 ms. ``SimpleQueue.put`` may interrupt a ``get``
    of the same thread.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._news: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def set(self) -> None:
        """Let all that wait go on, now and later."""
        self._is_set = True
        self._news.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, or so many seconds; return whether it is set."""
        if not self._is_set and seconds > 0:
            with suppress(Empty):
                self._news.get(timeout=seconds)
                self._news.put(None)  # for the next thread that waits
        return self._is_set
