"""What brokers that carry messages have in common: all but their client library."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from jobs.brokers.wakeup.listener import SilentListener

from .base import ConsumerPort, Listener, MessageSource
from .publisher import Publisher, WakeUp


class MessageBroker:
    """Permits are sent by a thread of its own and received by one for each queue."""

    title: str
    """The product's name, for people."""
    takes_messages = True

    def __init__(self) -> None:
        self._announcer = Publisher(self.title, self._send, self._begin, self._end)
        self._me = ""
        self._dead: list[str] = []

    def _send(self, lot: Sequence[WakeUp]) -> None:
        """Send permits within a time limit; may raise anything."""
        raise NotImplementedError

    def _begin(self, lot: Sequence[WakeUp]) -> bool:
        """Send permits as far as that waits for nothing; whether ``_end`` is to do the rest."""
        return False

    def _end(self, lot: Sequence[WakeUp]) -> None:
        """Wait, within a time limit, until what was begun is sent; may raise anything."""

    def _connect(self, queue: str) -> MessageSource:
        """Return a new consumer's connection to the messages of one queue."""
        raise NotImplementedError

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a permit sent."""
        self._announcer.put(queue, job_id)

    def warm_up(self) -> None:
        """Have the client loaded and connected."""
        self._announcer.warm_up()

    def flush(self, seconds: float) -> None:
        """Wait until every permit is sent."""
        self._announcer.flush(seconds)

    def leave(self, seconds: float) -> None:
        """Leave the consumers' group: what was not acknowledged is for the others."""
        from jobs.brokers.funboost.message_consumer import leave

        leave(seconds)

    def adopt_pending(self, consumer: str) -> None:
        """Have each link look at what the dead left, if its server keeps books on consumers."""
        self._dead.append(consumer)

    def listener(self) -> Listener:
        """None: permits ring."""
        return SilentListener()

    def consume(self, queues: Sequence[str], intake: ConsumerPort, threads: int) -> None:
        """Start a funboost consumer for each queue, listening to its stream or topic."""
        from jobs.brokers.funboost.message_consumer import start

        self._me = intake.consumer_id
        start(queues, intake, threads, self._connect)
