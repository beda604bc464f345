"""Forgetting what an earlier test left in a broker."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from jobs.brokers.message import channel
from jobs.brokers.rabbitmq.client import connect
from jobs.brokers.rabbitmq.url import server_of

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


def alone_with(url: str) -> FileLock:
    """Streams and topics have fixed names: tests in other processes wait until we are done."""
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"jobdesk-test-{name}.lock")


def apart(url: str) -> str:
    """Return the URL of another database of the same Redis server, which nobody empties.

    ``empty_broker`` deletes all our streams: also those of a test that runs beside it, whose
    consumers may learn of a job by its message alone. What Kafka and RabbitMQ have is deleted by
    name.
    """
    parts = urlsplit(url)
    if not parts.scheme.startswith("redis"):
        return url
    return parts._replace(path=f"/{int(parts.path.strip('/') or 0) + 1}").geturl()


def empty_broker(url: str) -> None:
    """Delete our streams, make our topics; other keys of the server are not touched."""
    if url.startswith("redis"):
        import redis

        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter("jobs.*"):
                client.delete(key)
    if url.startswith("kafka"):
        _make_topics(url)
    if url.startswith("amqp"):
        for queue in ("default", "mail"):
            delete_channel(url, queue)


def delete_channel(url: str, queue: str) -> None:
    """Delete the stream, the topic or the queue of one of ours, with all that is in it."""
    if url.startswith("redis"):
        import redis

        with redis.Redis.from_url(url) as client:
            client.delete(channel(queue))
    if url.startswith("kafka"):
        from confluent_kafka import KafkaException

        admin = _admin(url)
        deleted = admin.delete_topics([channel(queue)], operation_timeout=10)
        with contextlib.suppress(KafkaException):  # it was never made
            deleted[channel(queue)].result(30)
    if url.startswith("amqp"):
        connection = connect(server_of(url))
        connection.channel().queue_delete(channel(queue))
        connection.close()


def _admin(url: str) -> AdminClient:
    """Keep it until its answers have come: with it go those on their way."""
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": urlsplit(url).netloc})


def _make_topics(url: str) -> None:
    """A producer may come before the first consumer. What is left in them wakes it in vain."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import NewTopic

    names = [channel(queue) for queue in ("default", "mail")]
    admin = _admin(url)
    for made in admin.create_topics([NewTopic(name, 4) for name in names]).values():
        with contextlib.suppress(KafkaException):  # it is there
            made.result(30)
