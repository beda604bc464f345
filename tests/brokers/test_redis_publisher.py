"""The connection on which permits go to Redis: nobody waits for it, and no answer is mixed up."""

from __future__ import annotations

import os
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
from jobs.brokers.redis import publisher
from jobs.brokers.redis.publisher import RedisPublisher
from tests.brokers.redis_server import RedisServer
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.redis,
    pytest.mark.skipif(os.name == "nt", reason="SIGSTOP"),
]


def lot(*queues: str) -> list[WakeUp]:
    return [(queue, uuid.uuid4()) for queue in queues]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path).start()
    yield made
    made.stop()


@pytest.fixture
def line(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisPublisher]:
    """A line that is patient for half a second."""
    monkeypatch.setattr(publisher, "SEND_SECONDS", 0.5)
    made = RedisPublisher(server.url)
    yield made
    made.close()


def clients(server: RedisServer) -> int:
    """How many are connected beside the one that asks."""
    with server.client() as client:
        return int(client.info("clients")["connected_clients"]) - 1


def length(server: RedisServer, queue: str = "a") -> int:
    with server.client() as client:
        return int(client.xlen(f"jobs.{queue}"))


def test_a_connection_is_made_by_sending_never_by_beginning(
    line: RedisPublisher, server: RedisServer
) -> None:
    assert not line.begin(lot("a"))
    line.send(lot("a", "b", "a"))
    assert (length(server), length(server, "b")) == (2, 1)
    assert line.begin(lot("a"))
    line.end(1)
    assert length(server) == 3


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


def test_no_first_request_fails_of_a_broker_that_cannot_be(settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "BROKER_URL": "carrier-pigeon://"}
    brokers.warm_up()


def test_a_frozen_server_is_not_waited_for(line: RedisPublisher, server: RedisServer) -> None:
    """And an answer that comes too late is not taken for that to a later permit."""
    line.send(lot("a"))
    server.freeze()
    assert line.begin(lot("a"))
    assert not line.begin(lot("a")), "what is begun twice could fill the connection"
    with pytest.raises(redis.TimeoutError):
        line.end(1)
    assert not line.begin(lot("a"))
    server.thaw()
    wait_until(lambda: length(server) == 2)
    with server.client() as client:
        client.set("jobs.wrong", "no stream")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        line.send(lot("wrong", "a"))
    assert length(server) == 3
    assert line.begin(lot("a")), "what the server refuses, it has answered"
    line.end(1)


def test_an_answer_that_nobody_has_read_is_not_taken_for_a_later_one(
    line: RedisPublisher, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.send(lot("a"))
    with server.client() as client:
        client.set("jobs.wrong", "no stream")
    assert line.begin(lot("wrong"))
    monkeypatch.setattr(publisher, "_has_ended", lambda connection: False)  # it is still to come
    line.send(lot("a"))
    assert length(server) == 2


def test_a_server_that_has_closed_the_connection_gets_a_new_one(
    line: RedisPublisher, server: RedisServer
) -> None:
    """As it does with those that have been idle for its ``timeout``."""
    line.send(lot("a"))
    with server.client() as client:
        assert client.client_kill_filter(_type="normal", skipme=True) == 1
    assert not line.begin(lot("a"))
    line.send(lot("a"))
    assert length(server) == 2


def test_another_process_does_not_use_the_connection_of_its_parent(
    line: RedisPublisher, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.send(lot("a"))
    mine = line._connection
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    assert not line.begin(lot("a"))
    line.send(lot("a"))
    assert line._connection is not mine
    assert length(server) == 2
    mine.disconnect()
