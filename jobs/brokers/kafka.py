"""``kafka://``: permits in topics, one for each queue.

``kafka://host:9092,other:9092``; ``kafkas://user:password@host`` is TLS with SASL. What follows a
``?`` is librdkafka's own: ``kafka://host?sasl.mechanism=SCRAM-SHA-512``; ``partitions=12`` is ours.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import BrokerError
from ..models import Consumer
from .announcer import Announcement, Announcer
from .base import Bell, Intake
from .doorbell import SilentBell
from .extras import need
from .message import channel, permit

PARTITIONS: Final = 8
SEND_SECONDS: Final = 1.0
ASK_SECONDS: Final = 5.0


def config_of(url: str) -> tuple[dict[str, Any], int]:
    """Return librdkafka's configuration and the number of partitions of a new topic.

    Raises:
        BrokerError: the URL names no server, or no number of partitions.
    """
    parts = urlsplit(url)
    who, _, where = parts.netloc.rpartition("@")
    if not where:
        raise BrokerError("JOBS_BROKER_URL names no Kafka server. Write kafka://host:9092.")
    config: dict[str, Any] = {
        "bootstrap.servers": where,
        "client.id": "jobdesk",
        "log_level": 2,
        "reconnect.backoff.max.ms": 1000,
        "security.protocol": ("SASL_" if who else "")
        + ("SSL" if parts.scheme == "kafkas" else "PLAINTEXT"),
    }
    if who:
        name, _, password = who.partition(":")
        config |= {"sasl.mechanism": "PLAIN"}
        config |= {"sasl.username": unquote(name), "sasl.password": unquote(password)}
    config |= dict(parse_qsl(parts.query))
    partitions = str(config.pop("partitions", PARTITIONS))
    if not partitions.isdecimal() or not int(partitions):
        raise BrokerError("JOBS_BROKER_URL: partitions must be a number above zero.")
    return config, int(partitions)


class KafkaBroker:
    """For those who run Kafka anyway."""

    name = "kafka"
    takes_messages = True
    rings_by_commit = False

    def __init__(self, url: str) -> None:
        need("confluent_kafka", "kafka")
        self._config, self._partitions = config_of(url)
        self._announcer = Announcer("Kafka", self._send)

    @cached_property
    def _producer(self) -> Any:
        from confluent_kafka import Producer

        limit = int(SEND_SECONDS * 1000)
        # A permit that is late is of no use: the table was looked at meanwhile.
        return Producer({**self._config, "message.timeout.ms": limit, "linger.ms": 0})

    def _send(self, lot: Sequence[Announcement]) -> None:
        lost: list[Any] = []
        for queue, job_id in lot:
            self._producer.produce(
                channel(queue),
                permit(job_id),
                on_delivery=lambda error, _: lost.append(error) if error else None,
            )
        self._producer.flush(2 * SEND_SECONDS)
        if lost:
            raise BrokerError(lost[0].str())

    def announce(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a permit sent by a thread of its own."""
        self._announcer.put(queue, job_id)

    def flush(self, seconds: float) -> None:
        """Wait until every permit is sent."""
        self._announcer.flush(seconds)

    def leave(self, seconds: float) -> None:
        """Leave the group, so that the others get our partitions at once."""
        from .permits_funboost import leave

        leave(seconds)

    def bell(self) -> Bell:
        """None: permits ring."""
        return SilentBell()

    def consume(self, queues: Sequence[str], intake: Intake, threads: int) -> None:
        """Start a funboost consumer for each queue, listening to its topic."""
        from .kafka_link import KafkaLink
        from .permits_funboost import start

        start(queues, intake, threads, partial(KafkaLink, self._config, self._partitions))

    def check(self) -> list[str]:
        """Whether a server answers, and whether each consumer can have a partition."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            topics = AdminClient(self._config).list_topics(timeout=ASK_SECONDS).topics
        except KafkaException as error:
            return [f"Kafka does not answer: {error.args[0].str()}"]
        sizes = {name: len(topic.partitions) for name, topic in topics.items()}
        return _more_consumers_than_partitions(sizes)


def _more_consumers_than_partitions(sizes: dict[str, int]) -> list[str]:
    serving: dict[str, int] = {}
    for consumer in Consumer.objects.filter(dead_at=None):
        for queue in consumer.queues:
            serving[queue] = serving.get(queue, 0) + 1
    return [
        f"The topic {channel(queue)} has {sizes[channel(queue)]} partitions for {count} consumers: "
        "some hear of no job and only look every few seconds. Add partitions to it."
        for queue, count in sorted(serving.items())
        if channel(queue) in sizes and sizes[channel(queue)] < count
    ]
