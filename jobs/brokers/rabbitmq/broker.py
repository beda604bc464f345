"""``amqp://`` and ``amqps://``: messages in queues of RabbitMQ, one for each of ours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jobs.brokers.base import MessageSource
from jobs.brokers.message import channel
from jobs.brokers.message_broker import MessageBroker
from jobs.brokers.optional_deps import require_package
from jobs.brokers.publisher import WakeUp

from .url import server_of


class RabbitBroker(MessageBroker):
    """For those who run RabbitMQ anyway, as users of Celery do."""

    name = "rabbitmq"
    title = "RabbitMQ"

    def __init__(self, url: str) -> None:
        require_package("amqp", "rabbitmq")
        self._server = server_of(url)
        super().__init__()

    @cached_property
    def _sender(self) -> Any:
        from .sender import Sender  # late, as all that imports the client

        return Sender(self._server)

    def _send(self, batch: Sequence[WakeUp]) -> None:
        self._sender.send([(channel(queue), job_id) for queue, job_id in batch])

    def _connect(self, queue: str) -> MessageSource:
        from .source import RabbitSource

        return RabbitSource(self._server, channel(queue))

    def adopt_pending(self, consumer: str) -> None:
        """Nothing: the server gives what a dead connection had received to others by itself."""

    def depth(self, queue: str) -> int | None:
        """Return how many messages wait in it; not those that a consumer has just received."""
        from .health import depth

        return depth(self._server, channel(queue))

    def check(self) -> list[str]:
        """Whether the server accepts our login, answers and lets us use our queues."""
        from .health import check

        return check(self._server)
