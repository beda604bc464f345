"""How another program sends to each broker."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

Send = Callable[[bytes], None]
QUEUE = "jobs.default"


def sender_of(url: str) -> Send:
    """Return what sends a body to the queue ``default`` of the broker at ``url``."""
    if url.startswith("amqp"):
        return _amqp(url)
    return _kafka(url) if url.startswith("kafka") else _redis_cli(url)


def _amqp(url: str) -> Send:
    import amqp

    def send(body: bytes) -> None:
        with amqp.Connection(url.partition("://")[2].partition("/")[0]) as connection:
            channel = connection.channel()
            channel.queue_declare(
                "jobs.default",
                durable=True,
                auto_delete=False,
                arguments={"x-queue-type": "quorum"},
            )
            channel.basic_publish_confirm(amqp.Message(body), routing_key="jobs.default")

    return send


def _kafka(url: str) -> Send:
    from confluent_kafka import Producer

    where = url.partition("://")[2]
    producer = Producer({"bootstrap.servers": where, "message.max.bytes": 20_000_000})

    def send(body: bytes) -> None:
        # One key is one partition: what is sent first is read first.
        lost: list[object] = []
        producer.produce(QUEUE, body, key=b"test", on_delivery=lambda error, _: lost.append(error))
        assert producer.flush(30) == 0
        assert lost == [None]

    return send


def _redis_cli(url: str) -> Send:
    program = shutil.which("redis-cli")
    if program is None:
        pytest.skip("redis-cli is not installed")

    def send(body: bytes) -> None:
        # -x takes the last argument from standard input, byte for byte.
        command = [program, "-u", url, "-x", "XADD", QUEUE, "*", "body"]
        done = subprocess.run(command, input=body, capture_output=True, timeout=30, check=True)
        assert done.stdout.strip().endswith(b"0") or b"-" in done.stdout, done.stdout

    return send
