"""Runs claims by funboost's extension API; ``brokers.plain_threads`` is the same without it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jobs.brokers.base import ConsumerPort
from jobs.brokers.plain_threads import Batch, feed, run_batch

from .loader import (
    AbstractConsumer,
    AbstractPublisher,
    Booster,
    BoosterParams,
    ConcurrentPool,
    register_custom_broker,
)

KIND = "JOBDESK"

_ports: dict[str, ConsumerPort] = {}  # by queue: funboost copies and prints what it is given
_pools: list[tuple[ConsumerPort, Threads]] = []


class Threads(ConcurrentPool, ThreadPoolExecutor):  # type: ignore[misc]
    """One pool for all queues of a process, of the type that funboost requires.

    funboost's own pool may put a job behind a long one although it could still grow.
    """


class ClaimPublisher(AbstractPublisher):  # type: ignore[misc]
    """Sends nothing: ``Broker.notify`` tells consumers of a committed row."""

    def _publish_impl(self, msg: str) -> None:
        """The row is the message."""

    def clear(self) -> None:
        """People cancel jobs one by one."""

    def get_message_count(self) -> int:
        """funboost logs this number once a minute; the pages count for themselves."""
        return -1

    def close(self) -> None:
        """There is no connection of its own."""

    def _at_exit(self) -> None:
        """Print no message."""


class ClaimConsumer(AbstractConsumer):  # type: ignore[misc]
    """Feeds claims to funboost's pool, never more than there are free slots."""

    BROKER_KIND = KIND

    def custom_init(self) -> None:
        """Find the port that ``start`` left."""
        self._port = _ports[self.queue_name]

    def _dispatch_task(self) -> None:
        threads = self.consumer_params.concurrent_num
        feed(self.queue_name, self._port, threads, lambda batch: self._submit_task({"body": batch}))
        self._stop_flag = 1

    def _submit_task(self, kw: dict[str, Any]) -> None:
        # funboost's own looks up thirty options a message and unpickles what a message names;
        # a claim comes from our table and has none of them.
        self.concurrent_pool.submit(self.consuming_function, kw["body"])

    def check_heartbeat_and_message_count(self) -> None:
        """Consumers have heartbeats of our own; this would ask for a count each minute."""

    def _confirm_consume(self, kw: dict[str, Any]) -> None:
        """The claim was the acknowledgement."""

    def _requeue(self, kw: dict[str, Any]) -> None:
        """The batch writer releases jobs, under their attempt."""


def start(queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
    """Run the claims of the queues on ``threads`` threads; once per process and queue.

    Further queues of the same port share the threads of the first.
    """
    register_custom_broker(KIND, ClaimPublisher, ClaimConsumer)
    # One for all queues of a process, also for those that it begins to serve later.
    pool = next((found for one, found in _pools if one is port), None)
    if pool is None:
        pool = Threads(max_workers=threads, thread_name_prefix="job")
        _pools.append((port, pool))

    def run(batch: Batch) -> None:
        run_batch(batch, port)

    for queue in queues:
        _ports[queue] = port
        parameters = BoosterParams(
            queue_name=queue,
            broker_kind=KIND,
            concurrent_num=threads,
            specify_concurrent_pool=pool,
            max_retry_times=0,
            create_logger_file=False,
            is_show_message_get_from_broker=False,
        )
        Booster(parameters)(run).consume()
