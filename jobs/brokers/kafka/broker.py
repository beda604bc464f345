"""``kafka://``: messages in topics, one for each queue.

``kafka://host:9092,other:9092``; ``kafkas://user:password@host`` is TLS with SASL. What follows a
``?`` goes to librdkafka, as in ``kafka://host?sasl.mechanism=SCRAM-SHA-512``; ``partitions=12`` is
ours.
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
        BrokerError: the URL names no server, or its partitions are not a number.
    """
    parts = urlsplit(url)
    login, _, servers = parts.netloc.rpartition("@")
    if not servers:
        raise BrokerError("JOBS_BROKER_URL names no Kafka server. Write kafka://host:9092.")
    config: dict[str, Any] = {
        "bootstrap.servers": servers,
        "client.id": "jobdesk",
        "log_level": 2,
        "reconnect.backoff.max.ms": 1000,
        "security.protocol": ("SASL_" if login else "")
        + ("SSL" if parts.scheme == "kafkas" else "PLAINTEXT"),
    }
    if login:
        name, _, password = login.partition(":")
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
        # A late message is of no use: consumers have polled the table meanwhile.
        return Producer({**self._config, "message.timeout.ms": limit, "linger.ms": 0})

    def _send(self, batch: Sequence[WakeUp]) -> None:
        lost: list[Any] = []
        for queue, job_id in batch:
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
        """Count the messages after the offsets that the group of consumers has committed."""
        from .health import depth

        return depth(self._config, queue)

    def check(self) -> list[str]:
        """Whether a server accepts our login and answers, and each consumer gets a partition."""
        from .health import check

        return check(self._config)
