"""One look at the database for all event streams of an event loop: has anything ended?"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from typing import Final

from jobs.core.db import DATABASE_ERRORS
from jobs.errors import JobsError

PAUSE: Final = 0.03
"""Seconds between two looks: an ending is seen after 15 ms in the middle."""


class FeedPulse:
    """Wakes up streams when the newest position of the feed changes.

    Args:
        newest: reads that position.
    """

    def __init__(self, newest: Callable[[], Awaitable[int]]) -> None:
        self.newest = -1
        self._read = newest
        self._changed = asyncio.Event()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when ``newest`` is another one than was seen before reading, or after the seconds.

        The first look after a pause may find one that the reader has had already: it reads once
        more in vain.
        """
        if self.newest != seen:
            return
        self._waiting += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1

    async def _watch(self) -> None:
        while self._waiting:
            try:
                newest = await self._read()
            except (*DATABASE_ERRORS, JobsError):
                newest = self.newest - 1  # the streams meet the same, and end
            if newest != self.newest:
                self.newest = newest
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(PAUSE)


_pulses: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, FeedPulse]] = (
    weakref.WeakKeyDictionary()
)


def feed_pulse(newest: Callable[[], Awaitable[int]]) -> FeedPulse:
    """Return that of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _pulses:
        _pulses[loop] = FeedPulse(newest)
    return _pulses[loop]
