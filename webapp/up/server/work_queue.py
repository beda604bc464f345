"""Which thread does what is to be done, and how many of them at once.

Threads that compute share one lock, and each time one of them calls the database it lets another
go on: with eight busy clients and as many threads, a poll took 15 % more CPU time than with three
threads. Threads that wait for something else (a locked database, a job's end, the hash of a
password) do not count, so another one starts when the ones that run have not finished in time.
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


class WorkQueue:
    """Does work in threads, in the order in which it came.

    Args:
        threads: how many there are.
        later: calls a function after so many seconds, in the thread that calls ``submit``.
    """

    def __init__(self, threads: int, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later
        self._lock = threading.Lock()
        self._waiting: deque[Work] = deque()
        self._free = threads
        self._begun: dict[int, float] = {}
        self._is_checked = False
        self._given: SimpleQueue[Work | None] = SimpleQueue()
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

    def submit(self, work: Work) -> None:
        """Have this done. Always called by the same thread."""
        with self._lock:
            if not self._waiting and self._may_start():
                self._start(work)
                return
            self._waiting.append(work)
        self._check_later()

    def _may_start(self) -> bool:
        if not self._free:
            return False
        running = len(self._threads) - self._free
        if running < COMPUTING:
            return True
        recently = time.monotonic() - LONG_SECONDS
        return sum(begun > recently for begun in self._begun.values()) < COMPUTING

    def _start(self, work: Work) -> None:
        self._free -= 1
        self._given.put(work)

    def _check_later(self) -> None:
        if not self._is_checked:
            self._is_checked = True
            self._later(LONG_SECONDS, self._check)

    def _check(self) -> None:
        """Start more threads if those that run are waiting for something."""
        self._is_checked = False
        with self._lock:
            while self._waiting and self._may_start():
                self._start(self._waiting.popleft())
            is_behind = bool(self._waiting)
        if is_behind:
            self._check_later()

    def _run(self) -> None:
        me = threading.get_ident()
        while (work := self._given.get()) is not None:
            next_work: Work | None = work
            while next_work is not None:
                self._begun[me] = time.monotonic()
                _do(next_work)
                del next_work, work  # they have a whole request; the next one may come in an hour
                with self._lock:
                    work = next_work = self._waiting.popleft() if self._waiting else None
                    if next_work is None:
                        del self._begun[me]
                        self._free += 1


def _do(work: Work) -> None:
    try:
        work()
    except Exception:
        logger.exception("A request could not be handled.")
