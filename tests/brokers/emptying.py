"""Forgetting what an earlier test left in a broker."""

from __future__ import annotations

import contextlib


def empty_broker(url: str) -> None:
    """Delete our streams, make our topics; other keys of the server are not touched."""
    if url.startswith("redis"):
        import redis

        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter("jobs.*"):
                client.delete(key)
    if url.startswith("kafka"):
        _make_topics(url)


def _make_topics(url: str) -> None:
    """A producer may come before the first consumer. What is left in them rings in vain."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": url.partition("://")[2]})
    names = [f"jobs.{queue}" for queue in ("default", "mail")]
    for made in admin.create_topics([NewTopic(name, 4) for name in names]).values():
        with contextlib.suppress(KafkaException):  # it is there
            made.result(30)
