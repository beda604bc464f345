"""Which thread does what is to be done, and how many of them at once.

Threads that compute share one lock, and each time one of them calls the database it lets another
go on: with eight busy clients and as many threads, a poll took 15 % more CPU time than with three
threads. Threads that wait for something else (a locked database, the hash of a password) do not
count, so another one starts when the ones that run have not finished in time.

What writes does not count either: it mostly waits for the disk, and several that wait at the same
time share a commit. Two at a time, submissions by eight clients took 7-17 % more CPU time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

logger = logging.getLogger(__name__)

COMPUTING: Final = 2
"""Threads that start at once. What they run is nearly always done within a millisecond."""
LONG_SECONDS: Final = 0.01
"""Who has taken longer than this waits for something, and does not count."""
Work = Callable[[], None]


class _Entry:
    """What is to be done. It has a whole request, so nobody keeps it when it is done."""

    __slots__ = ("begun", "work", "writes")

    def __init__(self, work: Work, writes: bool) -> None:
        self.work, self.writes, self.begun = work, writes, 0.0


class WorkQueue:
    """Does work in threads, in the order in which it came.

    Args:
        threads: how many there are.
        later: calls a function after so many seconds, in the thread that calls ``submit``.
    """

    def __init__(self, threads: int, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later
        self._lock = threading.Lock()
        self._waiting: deque[_Entry] = deque()
        self._free = threads
        self._computing: set[_Entry] = set()
        self._is_checked = False
        self._given: SimpleQueue[_Entry | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"request-{number}", daemon=True)
            for number in range(1, threads + 1)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each thread end after what it does now."""
        for _ in self._threads:
            self._given.put(None)

    def submit(self, work: Work, *, writes: bool = False) -> None:
        """Have this done. Always called by the same thread.

        Args:
            work: what to do.
            writes: whether it waits for the disk, rather than compute.
        """
        entry = _Entry(work, writes)
        with self._lock:
            if self._may_start(entry):
                self._given.put(self._started(entry))
                return
            self._waiting.append(entry)
        if not self._is_checked:
            self._check_later()

    def _may_start(self, entry: _Entry) -> bool:
        if not self._free:
            return False
        if entry.writes or len(self._computing) < COMPUTING:
            return True
        recently = time.monotonic() - LONG_SECONDS
        return sum(one.begun > recently for one in self._computing) < COMPUTING

    def _started(self, entry: _Entry) -> _Entry:
        self._free -= 1
        entry.begun = time.monotonic()
        if not entry.writes:
            self._computing.add(entry)
        return entry

    def _check_later(self) -> None:
        self._is_checked = True
        self._later(LONG_SECONDS, self._check)

    def _check(self) -> None:
        """Start more threads if those that run are waiting for something."""
        self._is_checked = False
        with self._lock:
            while (entry := self._next()) is not None:
                self._given.put(entry)
            is_behind = bool(self._waiting)
        if is_behind:
            self._check_later()

    def _next(self) -> _Entry | None:
        """Take the first that waits, if it may start."""
        if self._waiting and self._may_start(self._waiting[0]):
            return self._started(self._waiting.popleft())
        return None

    def _run(self) -> None:
        while (given := self._given.get()) is not None:
            entry: _Entry | None = given
            del given  # the next one may come in an hour
            while entry is not None:
                _do(entry.work)
                with self._lock:
                    self._free += 1
                    self._computing.discard(entry)
                    entry = self._next()
                    while (another := self._next()) is not None:
                        self._given.put(another)


def _do(work: Work) -> None:
    try:
        work()
    except Exception:
        logger.exception("A request could not be handled.")
