"""What all brokers that carry messages have in common; each adds its client library."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from functools import partial

from jobs.brokers.wakeup.listener import SilentListener

from .base import ConsumerPort, Listener, MessageSource
from .consume import start_consuming
from .plain_threads import thread
from .publisher import Publisher, WakeUp
from .receiver import Receiver


class MessageBroker:
    """Sends messages on one thread, and receives them on one thread for each queue.

    Claims come from the table, as on ``database://``: the receiving thread only asks for a claim
    after each batch of messages. So a broker that is down, frozen or emptied holds up nothing.
    """

    title: str
    """The product's name, for people."""
    takes_messages = True

    def __init__(self) -> None:
        self._publisher = Publisher(self.title, self._send)
        self._consumer_id = ""
        self._dead: list[str] = []
        self._receiving: list[threading.Thread] = []

    def _send(self, batch: Sequence[WakeUp]) -> None:
        """Send messages within a time limit; an empty batch only connects. May raise anything."""
        raise NotImplementedError

    def _connect(self, queue: str) -> MessageSource:
        """Return a new consumer's connection to the messages of one queue."""
        raise NotImplementedError

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a message sent."""
        self._publisher.put(queue, job_id)

    def warm_up(self) -> None:
        """Have the client loaded and connected."""
        self._publisher.warm_up()

    def flush(self, seconds: float) -> None:
        """Wait until every message is sent."""
        self._publisher.flush(seconds)

    def leave(self, seconds: float) -> None:
        """Wait until the receiving threads have left the group of consumers."""
        end = time.monotonic() + seconds
        for receiving in self._receiving:
            receiving.join(max(0.0, end - time.monotonic()))
        self._receiving.clear()

    def adopt_pending(self, consumer: str) -> None:
        """Have each source take over what it left, if the server keeps track of consumers."""
        self._dead.append(consumer)

    def listener(self) -> Listener:
        """Return one that never wakes: messages do."""
        return SilentListener()

    def consume(self, queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
        """Start running claims, then receiving messages."""
        self._consumer_id = port.consumer_id
        # This first: it may import a library that imports clients, in a way of its own
        # (`funboost.stubs`), and a receiving thread imports one too.
        start_consuming(queues, port, threads)
        for queue in queues:
            receiver = Receiver(queue, partial(self._connect, queue), port)
            receiving = thread(f"receive {queue}", receiver.run)
            self._receiving.append(receiving)
            receiving.start()
