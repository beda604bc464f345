"""Runs claims on plain threads: what funboost does for us, without funboost."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Final

from django.db import connections

from jobs.core.shortages import shortage

from .base import ConsumerPort

logger = logging.getLogger("jobs")

RETRY_SECONDS: Final = 1.0

Batch = deque[Any]


_runners: list[_Runners] = []


def start(queues: Sequence[str], port: ConsumerPort, threads: int) -> list[threading.Thread]:
    """Run the claims of the queues on ``threads`` threads; each queue has a thread that feeds them.

    Returns at once, with the threads that were started. They end when the port stops, and close
    their database connections. Further queues of the same port share the threads of the first.
    """
    runners = next((one for one in _runners if one.port is port), None)
    if runners is not None:
        return runners.feed(queues)
    runners = _Runners(port, threads)
    _runners.append(runners)
    # The queues last: nothing is claimed before there are threads for it.
    return [*runners.start(), *runners.feed(queues), *runners.end_with_feeders()]


class _Runners:
    """The threads that run the claims of one port, and those that feed them.

    Args:
        port: where the claims are from.
        count: of the threads that run them.
    """

    def __init__(self, port: ConsumerPort, count: int) -> None:
        self.port = port
        self._count = count
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._feeders: list[threading.Thread] = []

    def feed(self, queues: Sequence[str]) -> list[threading.Thread]:
        """Start a thread for each queue that takes its claims."""
        arguments = (self.port, self._count, self._batches.put)
        started = [thread(f"feed {queue}", _feed_for_ever, queue, *arguments) for queue in queues]
        self._feeders += started
        return _started(started)

    def start(self) -> list[threading.Thread]:
        """Start the threads that run claims."""
        return _started([thread(f"job_{n}", self._run) for n in range(self._count)])

    def end_with_feeders(self) -> list[threading.Thread]:
        """Start the thread that ends them, once those that feed them have ended."""
        return _started([thread("feed end", self._end)])

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            run_batch(batch, self.port)

    def _end(self) -> None:
        for feeder in self._feeders:  # grows until the port stops
            feeder.join()
        for _ in range(self._count):
            self._batches.put(None)
        _runners.remove(self)


def _started(threads: list[threading.Thread]) -> list[threading.Thread]:
    for one in threads:
        one.start()
    return threads


def thread(name: str, target: Callable[..., object], *arguments: Any) -> threading.Thread:
    """Return a thread, not started, that closes its database connections at its end."""

    def run() -> None:
        try:
            target(*arguments)
        finally:
            connections.close_all()

    return threading.Thread(target=run, name=name, daemon=True)


def _feed_for_ever(
    queue: str, port: ConsumerPort, threads: int, submit: Callable[[Batch], object]
) -> None:
    while not port.stopping():
        try:
            feed(queue, port, threads, submit)
        except Exception:
            # The thread has to live: nothing else takes jobs from this queue.
            logger.exception("Jobs of %s could not be taken. Trying again.", queue)
            port.pause(RETRY_SECONDS)


def feed(queue: str, port: ConsumerPort, threads: int, submit: Callable[[Batch], object]) -> None:
    """Give the claims of a queue to a pool until the port stops.

    Args:
        submit: has a thread of the pool call ``run_batch`` with what it is given.
    """
    while not port.stopping():
        batch = deque(port.take(queue))
        # One call for each thread that the batch can keep busy, not one for each claim: handing a
        # call to a pool takes as long as a short job.
        try:
            for _ in range(min(len(batch), threads)):
                submit(batch)
        except (RuntimeError, MemoryError) as error:
            # A pool starts its threads one by one. Those that it has go on with the batch.
            why = shortage(error)
            if not why:
                raise
            port.no_thread(why)


def run_batch(batch: Batch, port: ConsumerPort) -> None:
    """Run claims until none is left; several threads share a batch."""
    while batch:
        try:
            claim = batch.popleft()
        except IndexError:  # another thread took the last one
            return
        port.run(claim)
