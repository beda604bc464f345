"""Runs claims on plain threads: what funboost does for us, without funboost."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from .base import ConsumerPort

logger = logging.getLogger("jobs")

RETRY_SECONDS: Final = 1.0

Batch = deque[Any]

_pools: list[tuple[ConsumerPort, ThreadPoolExecutor]] = []


def start(queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
    """Run the claims of the queues on ``threads`` threads; each queue has a thread that feeds them.

    Returns at once. The process ends by ``os._exit``: it does not wait for these threads. Further
    queues of the same port share the threads of the first.
    """
    pool = next((found for one, found in _pools if one is port), None)
    if pool is None:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        _pools.append((port, pool))
    for queue in queues:
        feeder = threading.Thread(
            target=_feed_for_ever,
            args=(queue, port, threads, partial(_submit, pool, port)),
            name=f"feed {queue}",
            daemon=True,
        )
        feeder.start()


def _submit(pool: ThreadPoolExecutor, port: ConsumerPort, batch: Batch) -> None:
    pool.submit(run_batch, batch, port)


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
