"""Runs claims on plain threads: what funboost does for us, without funboost."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Final

from django.db import connections

from .base import ConsumerPort

logger = logging.getLogger("jobs")

RETRY_SECONDS: Final = 1.0

Batch = deque[Any]


def start(queues: Sequence[str], port: ConsumerPort, threads: int) -> list[threading.Thread]:
    """Run the claims of the queues on ``threads`` threads; each queue has a thread that feeds them.

    Returns at once, with all these threads. They end when the port stops, and close their database
    connections.
    """
    batches: SimpleQueue[Batch | None] = SimpleQueue()
    arguments = (port, threads, batches.put)
    feeders = [thread(f"feed {queue}", _feed_for_ever, queue, *arguments) for queue in queues]
    runners = [thread(f"job_{n}", _run_batches, batches, port) for n in range(threads)]
    ending = thread("feed end", _end_runners, feeders, batches, threads)
    started = [*feeders, *runners, ending]
    for one in started:
        one.start()
    return started


def thread(name: str, target: Callable[..., object], *arguments: Any) -> threading.Thread:
    """Return a thread, not started, that closes its database connections at its end."""

    def run() -> None:
        try:
            target(*arguments)
        finally:
            connections.close_all()

    return threading.Thread(target=run, name=name, daemon=True)


def _run_batches(batches: SimpleQueue[Batch | None], port: ConsumerPort) -> None:
    while (batch := batches.get()) is not None:
        run_batch(batch, port)


def _end_runners(
    feeders: Sequence[threading.Thread], batches: SimpleQueue[Batch | None], threads: int
) -> None:
    for feeder in feeders:
        feeder.join()
    for _ in range(threads):
        batches.put(None)


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
        for _ in range(min(len(batch), threads)):
            submit(batch)


def run_batch(batch: Batch, port: ConsumerPort) -> None:
    """Run claims until none is left; several threads share a batch."""
    while batch:
        try:
            claim = batch.popleft()
        except IndexError:  # another thread took the last one
            return
        port.run(claim)
