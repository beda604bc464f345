"""What ``doctor`` and the pages ask a Kafka server: does it answer, how much waits in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from jobs.brokers.message import channel
from jobs.models import Consumer

from .source import group

ASK_SECONDS: Final = 5.0


def depth(config: dict[str, Any], queue: str) -> int | None:
    """Count a queue's messages after the committed offsets; None when the server does not tell."""
    consumer = KafkaConsumer({**config, "group.id": group(queue)})
    try:
        return _depth(consumer, channel(queue))
    except KafkaException:
        return None
    finally:
        consumer.close()


def _depth(consumer: Any, topic: str) -> int:
    numbers = consumer.list_topics(topic, timeout=ASK_SECONDS).topics[topic].partitions
    partitions = [TopicPartition(topic, number) for number in numbers]
    total = 0
    for partition in consumer.committed(partitions, timeout=ASK_SECONDS) if partitions else []:
        first, end = consumer.get_watermark_offsets(partition, timeout=ASK_SECONDS)
        total += end - max(first, partition.offset)  # negative when none is committed
    return total


def check(config: dict[str, Any]) -> list[str]:
    """Return what is wrong with a Kafka server, in sentences."""
    errors: list[KafkaError] = []
    try:
        client = AdminClient({**config, "error_cb": errors.append})
    except KafkaException as error:
        return [f"JOBS_BROKER_URL: {error.args[0].str()}"]
    try:
        topics = client.list_topics(timeout=ASK_SECONDS).topics
    except KafkaException as error:
        client.poll(0)  # it knows the cause, and reports it only when polled
        return [_sentence([*errors, error.args[0]])]
    return more_consumers_than_partitions(
        {name: len(topic.partitions) for name, topic in topics.items()}
    )


def _sentence(errors: Sequence[KafkaError]) -> str:
    if any(error.code() == KafkaError._AUTHENTICATION for error in errors):
        return "Kafka does not know the user or the password in JOBS_BROKER_URL."
    return f"Kafka does not answer: {errors[0].str()}"


def more_consumers_than_partitions(sizes: dict[str, int]) -> list[str]:
    """Return a sentence for each topic with fewer partitions than its queue has consumers.

    Args:
        sizes: the number of partitions of each topic.
    """
    serving: dict[str, int] = {}
    for consumer in Consumer.objects.filter(dead_at=None):
        for queue in consumer.queues:
            serving[queue] = serving.get(queue, 0) + 1
    return [
        f"The topic {channel(queue)} has {sizes[channel(queue)]} partitions for {count} consumers: "
        "some are never notified and only poll every few seconds. Add partitions to it."
        for queue, count in sorted(serving.items())
        if channel(queue) in sizes and sizes[channel(queue)] < count
    ]
