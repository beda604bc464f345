"""Consumers of brokers that carry messages, on funboost's extension API.

Two threads a queue: funboost's own feeds claims to its pool, as on ``database://``; beside it one
receives permits, at most as many as there are free slots, and has the table looked at for each
lot. So a broker that is down, frozen or emptied holds up nothing: the looks go on without it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from jobs.brokers.base import ConsumerPort, MessageSource
from jobs.brokers.receiver import Receiver

from .consumer import DatabaseConsumer
from .consumer import start as start_consumers

KIND: Final = "JOBDESK_PERMITS"

_links: dict[str, Callable[[], MessageSource]] = {}  # by queue, as in database_funboost
_receivers: list[threading.Thread] = []


class MessageConsumer(DatabaseConsumer):
    """Listens to a broker; what it takes comes from the table."""

    BROKER_KIND = KIND

    def _dispatch_task(self) -> None:
        receiver = Receiver(self.queue_name, _links[self.queue_name], self._intake)
        thread = threading.Thread(target=receiver.run, name="permits", daemon=True)
        _receivers.append(thread)
        thread.start()
        super()._dispatch_task()


def leave(seconds: float) -> None:
    """Wait until the links are closed, at most so long; call it once the intake is stopping."""
    end = time.monotonic() + seconds
    for thread in _receivers:
        thread.join(max(0.0, end - time.monotonic()))


def start(
    queues: Sequence[str],
    intake: ConsumerPort,
    threads: int,
    connect: Callable[[str], MessageSource],
) -> None:
    """Consume the queues, listening to a broker; ``connect`` makes a link to one queue."""
    for queue in queues:
        _links[queue] = partial(connect, queue)
    start_consumers(queues, intake, threads, MessageConsumer)
