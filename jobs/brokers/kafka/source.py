"""A consumer of a Kafka topic, in the group that all consumers share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient, NewTopic

from jobs.brokers.base import ReceivedMessage
from jobs.brokers.message import channel

ASK_SECONDS: Final = 3.0


def group(queue: str) -> str:
    """Return the group of a queue: draining one queue must not make the others wait."""
    return f"jobs.{queue}"


class KafkaSource:
    """Polls a topic. Offsets are committed only up to messages whose jobs are claimed."""

    name = "Kafka"
    errors: tuple[type[Exception], ...] = (KafkaException, OSError)

    def __init__(self, config: dict[str, Any], partitions: int, queue: str) -> None:
        self._topic = channel(queue)
        self._config = config
        self._partitions = partitions
        self._paused = False
        self._subscribed = False
        self._consumer = Consumer(
            {
                **config,
                "group.id": group(queue),
                # With the default of 45 s a killed consumer keeps its partitions that long.
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 1000,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "topic.metadata.refresh.interval.ms": 5000,
                "fetch.wait.max.ms": 100,
                # Our messages are small. Large ones of other programs must not fill the memory.
                "queued.max.messages.kbytes": 1024,
                # One larger than that fills the queue; the next was fetched a second later.
                "fetch.queue.backoff.ms": 50,
            }
        )

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        """Poll; without a free slot only send heartbeats, the partitions paused."""
        self._subscribe()
        self._pause(limit <= 0)
        found: list[ReceivedMessage] = []
        end = time.monotonic() + seconds
        while True:
            left = 0.0 if found or limit <= 0 else max(0.0, end - time.monotonic())
            try:
                message = self._consumer.poll(left)
                if message is None:
                    return found
                self._take(message, found)
            except KafkaException:
                if not found:
                    raise
                return found  # an error that lasts is raised again
            if len(found) >= max(1, limit):
                return found

    def _subscribe(self) -> None:
        if self._subscribed:
            return
        admin = AdminClient(self._config)
        # Asked first: a user who may read a topic need not be allowed to make one.
        if self._topic not in admin.list_topics(timeout=ASK_SECONDS).topics:
            self._make_topic(admin)
        self._consumer.subscribe([self._topic])
        self._subscribed = True

    def _make_topic(self, admin: AdminClient) -> None:
        wanted = NewTopic(self._topic, self._partitions)
        made = admin.create_topics([wanted], operation_timeout=ASK_SECONDS)[self._topic]
        try:
            made.result(2 * ASK_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def _pause(self, pause: bool) -> None:
        # Each time, not only when it changes: a rebalance forgets it.
        partitions = self._consumer.assignment()
        if pause and partitions:
            self._consumer.pause(partitions)
        elif self._paused and partitions:
            self._consumer.resume(partitions)
        self._paused = pause

    def _take(self, message: Message, found: list[ReceivedMessage]) -> None:
        error = message.error()
        if error is None:
            body = message.value()
            found.append(ReceivedMessage(message, b"" if body is None else body))
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._subscribed = False  # someone has deleted it
        elif error.code() not in (KafkaError._PARTITION_EOF, KafkaError._MAX_POLL_EXCEEDED):
            raise KafkaException(error)

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Commit the offset after the last message of each partition."""
        last = {message.handle.partition(): message.handle for message in messages}
        for message in last.values():
            # The partition may have gone to another consumer, which then gets them once more.
            with contextlib.suppress(KafkaException):
                self._consumer.commit(message, asynchronous=False)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
