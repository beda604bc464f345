"""Sending to Redis: nobody waits for it for long, and no answer is taken for another's."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.apps import apps
from django.core.signals import request_finished

from jobs import brokers
from jobs.brokers import registry
from jobs.brokers.publisher import WakeUp
from jobs.brokers.redis import broker as redis_broker
from jobs.brokers.redis.broker import RedisBroker
from tests.brokers.redis_server import RedisServer
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.redis,
    pytest.mark.skipif(os.name == "nt", reason="SIGSTOP"),
]


def batch(*queues: str) -> list[WakeUp]:
    return [(queue, uuid.uuid4()) for queue in queues]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path).start()
    yield made
    made.stop()


@pytest.fixture
def broker(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisBroker]:
    """A broker that waits half a second for its server."""
    monkeypatch.setattr(redis_broker, "SEND_SECONDS", 0.5)
    made = RedisBroker(server.url)
    yield made
    made._sender.close()


def clients(server: RedisServer) -> int:
    """How many are connected beside the one that asks."""
    with server.client() as client:
        return int(client.info("clients")["connected_clients"]) - 1


def length(server: RedisServer, queue: str = "a") -> int:
    with server.client() as client:
        return int(client.xlen(f"jobs.{queue}"))


def test_a_batch_goes_to_the_streams_of_its_queues(
    broker: RedisBroker, server: RedisServer
) -> None:
    broker._send(batch("a", "b", "a"))
    assert (length(server), length(server, "b")) == (2, 1)
    assert clients(server) == 1


def test_the_first_request_of_a_process_makes_the_connection(
    server: RedisServer, settings: Any
) -> None:
    """The client's import and the connection are not left to the first job. Later requests find the
    signal without its receiver."""
    settings.JOBS = {**settings.JOBS, "BROKER_URL": server.url}
    apps.get_app_config("jobs").ready()
    try:
        request_finished.send(None)
        wait_until(lambda: clients(server) == 1)
        assert not request_finished.disconnect(brokers.warm_up), "once is enough"
    finally:
        registry._make.cache_clear()


def test_the_first_request_does_not_fail_with_an_unknown_broker(settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "BROKER_URL": "carrier-pigeon://"}
    brokers.warm_up()


def test_a_frozen_server_is_given_up_and_its_late_answer_ignored(
    broker: RedisBroker, server: RedisServer
) -> None:
    broker._send(batch("a"))
    server.freeze()
    began = time.monotonic()
    with pytest.raises(redis.TimeoutError):
        broker._send(batch("a"))
    assert time.monotonic() - began < 5
    server.thaw()
    wait_until(lambda: length(server) == 2)
    with server.client() as client:
        client.set("jobs.wrong", "no stream")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        broker._send(batch("wrong", "a"))
    assert length(server) == 3
    broker._send(batch("a"))
    assert length(server) == 4


def test_a_server_that_has_closed_the_connection_gets_a_new_one(
    broker: RedisBroker, server: RedisServer
) -> None:
    """As it does with those that have been idle for its ``timeout``."""
    broker._send(batch("a"))
    with server.client() as client:
        assert client.client_kill_filter(_type="normal", skipme=True) == 1
    broker._send(batch("a"))
    assert length(server) == 2
