"""Reading a stream of Redis: the server is busy or frozen, or another reader has died."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from jobs.api.metrics import exposition
from jobs.brokers import registry
from jobs.brokers.redis import source
from jobs.brokers.redis.source import RedisSource
from jobs.core.states import UNFINISHED
from jobs.models import Job
from jobs.queries.queue_states import queue_states
from tests.brokers.redis_server import RedisServer
from tests.consumers import Consumers, wait_finished
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.redis,
    pytest.mark.skipif(os.name == "nt", reason="SIGSTOP"),
]
SOON = "0.5"


@pytest.fixture
def server(tmp_path: Path, transactional_db: None, settings: Any) -> Iterator[RedisServer]:
    """A server that this test may do anything to; this process sends there."""
    made = RedisServer(tmp_path).start()
    settings.JOBS = {**settings.JOBS, "BROKER_URL": made.url}
    yield made
    made.stop()
    registry._make.cache_clear()


@pytest.fixture
def consumers(server: RedisServer, tmp_path: Path) -> Iterator[Consumers]:
    """Consumers that listen to it."""
    starter = Consumers(tmp_path, JOBS_BROKER_URL=server.url, JOBS_SWEEP_SECONDS=SOON)
    yield starter
    starter.end_all()


def _all_finished() -> bool:
    return not Job.objects.filter(status__in=UNFINISHED).exists()


def test_a_message_that_a_busy_server_did_not_take_is_sent_again(
    consumers: Consumers, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody polls the table here: only a message can have told of the job. It is the first of
    this process, so that the connection could not be made either."""
    consumers.start(JOBS_SWEEP_SECONDS="3600")
    server.freeze()
    late = tasks.square.enqueue(2).id
    wait_until(lambda: "Redis accepts no messages" in caplog.text)

    server.thaw()

    assert wait_finished(late).result == 4


def test_finished_entries_do_not_pile_up(consumers: Consumers, server: RedisServer) -> None:
    consumer = consumers.start()
    for n in range(50):
        tasks.square.enqueue(n)
    wait_until(_all_finished)
    with server.client() as client:
        wait_until(lambda: client.xlen("jobs.default") == 0)
        consumer.stop()
        assert client.xinfo_consumers("jobs.default", "jobs") == []


def test_what_a_silent_consumer_received_goes_to_another_after_a_while(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client() as client:
        dead = RedisSource(server.url, "default")
        assert dead.receive(1, 0.1) == []  # makes the group
        client.xadd("jobs.default", {"body": "a"})
        assert [message.body for message in dead.receive(1, 0.1)] == [b"a"]
        monkeypatch.setattr(source, "ABANDONED_MS", 0)
        monkeypatch.setattr(source, "DEAD_MS", -1)

        living = RedisSource(server.url, "default")
        found = living.receive(5, 0.1)
        assert [message.body for message in found] == [b"a"]
        living.acknowledge(found)

        assert client.xlen("jobs.default") == 0
        (left,) = client.xinfo_consumers("jobs.default", "jobs")
        assert left["name"] != dead._consumer_id.encode()
    dead._client.close()
    living.close()


def test_what_a_dead_consumer_received_is_adopted_at_once(server: RedisServer) -> None:
    dead, alive = (RedisSource(server.url, "default", name) for name in ("dead", "alive"))
    found: list[str] = []
    adopter = RedisSource(server.url, "default", "adopter", found)
    assert adopter.receive(1, 0.1) == []  # makes the group
    with server.client() as client:
        for body in "abcd":
            client.xadd("jobs.default", {"body": body})
        assert alive.receive(1, 0.1)
        assert dead.receive(1, 0.1)
        assert dead.receive(5, 0.1)

        found.append("dead")
        adopter._tidy_at = float("inf")  # not by taking over what was left long ago
        adopted = [message for _ in range(4) for message in adopter.receive(5, 0.01)]

        assert sorted(message.body or b"" for message in adopted) == [b"b", b"c", b"d"]
        adopter.acknowledge(adopted)
        assert client.xlen("jobs.default") == 1
    for reader in (dead, alive, adopter):
        reader._client.close()


def test_what_a_leaving_consumer_has_received_goes_to_another(server: RedisServer) -> None:
    first, second = (RedisSource(server.url, "default") for _ in range(2))
    first.receive(1, 0.1)  # makes the group
    with server.client() as client:
        client.xadd("jobs.default", {"body": "a", "more": "b"})
        assert [message.body for message in first.receive(1, 0.1)] == [b"a"]

        first.close()

        found = [message for _ in range(2) for message in second.receive(5, 0.1)]
        assert [message.body for message in found] == [b"a"]
        ((_, fields),) = client.xrange("jobs.default")
        assert fields == {b"body": b"a", b"more": b"b"}
    second.acknowledge(found)
    second.close()


def test_an_answer_that_breaks_off_is_read_again(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server counts the entries as delivered, though we never saw them."""
    monkeypatch.setattr(source, "READ_SECONDS", 0.5)
    reader = RedisSource(server.url, "default")
    for _ in range(2):  # makes the group, then asks for what the dead left
        assert reader.receive(1, 0.1) == []
    with server.client() as client:
        client.xadd("jobs.default", {"body": "a"})
        client.xadd("jobs.default", {"body": "b"})
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            reader.receive(1, 0.1)
        server.thaw()
        wait_until(lambda: client.xpending("jobs.default", "jobs")["pending"] == 1)

    found = reader.receive(1, 0.1)
    assert [message.body for message in found] == [b"a"]
    reader.acknowledge(found)
    assert [message.body for message in reader.receive(1, 0.1)] == [b"b"]
    reader._client.close()


def test_a_stream_that_is_deleted_under_a_waiting_reader_is_made_anew(server: RedisServer) -> None:
    """Nothing is wrong with the server then: a pause of a second would delay the jobs of that
    second."""
    reader = RedisSource(server.url, "default")
    for _ in range(2):  # makes the group, then asks for what the dead left
        assert reader.receive(1, 0.01) == []
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.receive, 1, 60.0)
        wait_until(lambda: client.info("clients")["blocked_clients"] == 1)
        client.delete("jobs.default")
        assert waiting.result() == []
        client.xadd("jobs.default", {"body": "a"})
        assert [message.body for message in reader.receive(1, 0.1)] == [b"a"]
    reader.close()


def test_an_entry_without_the_field_is_received_with_its_text(server: RedisServer) -> None:
    reader = RedisSource(server.url, "default")
    reader.receive(1, 0.1)
    with server.client() as client:
        client.xadd("jobs.default", {"text": "hello"})
    (found,) = reader.receive(1, 0.1)
    assert found.body is None
    assert b"hello" in found.shown
    reader.acknowledge([found])
    reader.close()


def test_the_metrics_show_the_length_of_the_stream(server: RedisServer) -> None:
    with server.client() as client:
        for body in "abc":
            client.xadd("jobs.default", {"body": body})
    line = 'jobdesk_broker_messages{queue="default"} 3\n'
    now = timezone.now()
    wait_until(lambda: line in exposition(queue_states(now), now))
