"""The database broker on funboost's extension API."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jobs.brokers.base import ConsumerPort

from .loader import (
    AbstractConsumer,
    AbstractPublisher,
    Booster,
    BoosterParams,
    ConcurrentPool,
    register_custom_broker,
)

KIND = "JOBDESK_DATABASE"

_intakes: dict[str, ConsumerPort] = {}  # by queue: funboost copies and prints what it is given


class Threads(ConcurrentPool, ThreadPoolExecutor):  # type: ignore[misc]
    """One pool for all queues of a process, as funboost wants its type to be.

    funboost's own pool may put a job behind a long one although it could still grow.
    """


class DatabasePublisher(AbstractPublisher):  # type: ignore[misc]
    """Has nothing to send: ``announce`` rings for a committed row."""

    def _publish_impl(self, msg: str) -> None:
        """The row is the message."""

    def clear(self) -> None:
        """Jobs are cancelled one by one, by people."""

    def get_message_count(self) -> int:
        """funboost logs this number once a minute; the pages count for themselves."""
        return -1

    def close(self) -> None:
        """There is no connection of its own."""

    def _at_exit(self) -> None:
        """No farewell message."""


class DatabaseConsumer(AbstractConsumer):  # type: ignore[misc]
    """Feeds claims to funboost's pool, never more than there are free slots."""

    BROKER_KIND = KIND

    def custom_init(self) -> None:
        """Find the intake that ``start`` left."""
        self._intake = _intakes[self.queue_name]

    def _dispatch_task(self) -> None:
        while not self._intake.stopping():
            lot = deque(self._intake.take(self.queue_name))
            # A message for each thread that the lot can keep busy, not for each claim: handing a
            # message to a pool takes as long as a short job.
            for _ in range(min(len(lot), self.consumer_params.concurrent_num)):
                self._submit_task({"body": lot})
        self._stop_flag = 1

    def _submit_task(self, kw: dict[str, Any]) -> None:
        # funboost's own looks up thirty options a message and unpickles what a message names;
        # a claim comes from our table and has none of them.
        self.concurrent_pool.submit(self.consuming_function, kw["body"])

    def check_heartbeat_and_message_count(self) -> None:
        """The beats of a consumer are ours; this would ask for a count each minute."""

    def _confirm_consume(self, kw: dict[str, Any]) -> None:
        """The claim was the acknowledgement."""

    def _requeue(self, kw: dict[str, Any]) -> None:
        """Jobs are handed back by the writer, under their attempt."""


def start(
    queues: Sequence[str],
    intake: ConsumerPort,
    threads: int,
    consumer: type[DatabaseConsumer] = DatabaseConsumer,
) -> None:
    """Consume the queues, each on a thread of funboost's; once per process and queue."""
    kind = consumer.BROKER_KIND
    register_custom_broker(kind, DatabasePublisher, consumer)
    pool = Threads(max_workers=threads, thread_name_prefix="job")

    def run(lot: deque[Any]) -> None:
        while lot:
            try:
                claim = lot.popleft()
            except IndexError:  # another thread had the last one
                return
            intake.run(claim)

    for queue in queues:
        _intakes[queue] = intake
        parameters = BoosterParams(
            queue_name=queue,
            broker_kind=kind,
            concurrent_num=threads,
            specify_concurrent_pool=pool,
            max_retry_times=0,
            create_logger_file=False,
            is_show_message_get_from_broker=False,
        )
        Booster(parameters)(run).consume()
