"""``kafka://``: permits in topics, one for each queue.

``kafka://host:9092,other:9092``; ``kafkas://user:password@host`` is TLS with SASL. What follows a
``?`` is librdkafka's own: ``kafka://host?sasl.mechanism=SCRAM-SHA-512``; ``partitions=12`` is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from jobs.brokers.base import MessageSource
from jobs.brokers.message import channel, wakeup_body
from jobs.brokers.message_broker import MessageBroker
from jobs.brokers.optional_deps import require_package
from jobs.brokers.publisher import WakeUp
from jobs.errors import BrokerError

PARTITIONS: Final = 8
SEND_SECONDS: Final = 1.0


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


class KafkaBroker(MessageBroker):
    """For those who run Kafka anyway."""

    name = "kafka"
    title = "Kafka"

    def __init__(self, url: str) -> None:
        require_package("confluent_kafka", "kafka")
        self._config, self._partitions = config_of(url)
        super().__init__()

    @cached_property
    def _producer(self) -> Any:
        from confluent_kafka import Producer

        limit = int(SEND_SECONDS * 1000)
        # A permit that is late is of no use: the table was looked at meanwhile.
        return Producer({**self._config, "message.timeout.ms": limit, "linger.ms": 0})

    def _send(self, lot: Sequence[WakeUp]) -> None:
        lost: list[Any] = []
        for queue, job_id in lot:
            self._producer.produce(
                channel(queue),
                wakeup_body(job_id),
                on_delivery=lambda error, _: lost.append(error) if error else None,
            )
        self._producer.flush(2 * SEND_SECONDS)
        if lost:
            raise BrokerError(lost[0].str())

    def _connect(self, queue: str) -> MessageSource:
        from .source import KafkaSource

        return KafkaSource(self._config, self._partitions, queue)

    def depth(self, queue: str) -> int | None:
        """What lies behind the offsets that the consumers' group has committed."""
        from .health import depth

        return depth(self._config, queue)

    def check(self) -> list[str]:
        """Whether a server lets us in and answers, and each consumer can have a partition."""
        from .health import check

        return check(self._config)
