"""A test that empties a broker takes nothing from those that run beside it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from jobs.brokers.message import channel
from tests.brokers.emptying import alone_with, apart, delete_channel, empty_broker
from tests.brokers.servers import Setup, address
from tests.chaos.arena import Arena
from tests.chaos.databases import Sqlite


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1"),
        ("rediss://ann:secret@host:1/7?timeout=3", "rediss://ann:secret@host:1/8?timeout=3"),
        ("kafka://127.0.0.1:9092", "kafka://127.0.0.1:9092"),
        ("amqp://127.0.0.1:5672", "amqp://127.0.0.1:5672"),
        ("database://", "database://"),
    ],
)
def test_only_redis_has_numbered_databases(url: str, expected: str) -> None:
    assert apart(url) == expected


@pytest.mark.redis
def test_the_streams_of_a_test_of_chaos_stay(tmp_path: Path) -> None:
    import redis

    url, queue = address("redis"), f"chaos-{uuid.uuid4().hex}"
    setup = Setup("redis", broker="redis")
    arena = Arena(tmp_path, setup, database=Sqlite(tmp_path), token="unused")
    with alone_with(url), redis.Redis.from_url(arena.broker) as client:
        client.xadd(channel(queue), {"a": "b"})
        try:
            empty_broker(url)
            assert client.exists(channel(queue))
        finally:
            delete_channel(arena.broker, queue)
        assert not client.exists(channel(queue))
