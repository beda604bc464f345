"""Questions that people have about a Kafka: does it answer, how much waits in it."""

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
    """How many messages of a queue are not behind a committed offset; None when it cannot tell."""
    asking = KafkaConsumer({**config, "group.id": group(queue)})
    try:
        return _depth(asking, channel(queue))
    except KafkaException:
        return None
    finally:
        asking.close()


def _depth(asking: Any, topic: str) -> int:
    partitions = asking.list_topics(topic, timeout=ASK_SECONDS).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in partitions]
    total = 0
    for place in asking.committed(places, timeout=ASK_SECONDS) if places else []:
        first, end = asking.get_watermark_offsets(place, timeout=ASK_SECONDS)
        total += end - max(first, place.offset)  # none committed is a negative number
    return total


def check(config: dict[str, Any]) -> list[str]:
    """What is wrong with a Kafka, in words."""
    heard: list[KafkaError] = []
    try:
        asking = AdminClient({**config, "error_cb": heard.append})
    except KafkaException as error:
        return [f"JOBS_BROKER_URL: {error.args[0].str()}"]
    try:
        topics = asking.list_topics(timeout=ASK_SECONDS).topics
    except KafkaException as error:
        asking.poll(0)  # it knows why, and tells only who asks
        return [_in_words([*heard, error.args[0]])]
    return more_consumers_than_partitions(
        {name: len(topic.partitions) for name, topic in topics.items()}
    )


def _in_words(heard: Sequence[KafkaError]) -> str:
    if any(error.code() == KafkaError._AUTHENTICATION for error in heard):
        return "Kafka does not know the user or the password in JOBS_BROKER_URL."
    return f"Kafka does not answer: {heard[0].str()}"


def more_consumers_than_partitions(sizes: dict[str, int]) -> list[str]:
    """Queues whose topic of ``sizes`` partitions has not one for each consumer."""
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
