"""What Redis's link to a stream does, with a server that is busy, frozen or left by the dead."""

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
from jobs.api.views.queues import queue_states
from jobs.brokers import registry
from jobs.brokers.redis import source
from jobs.brokers.redis.source import RedisSource
from jobs.core.states import UNFINISHED
from jobs.models import Job
from tests.brokers.redis_server import RedisServer
from tests.running import Consumers, wait_finished
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
    """A server that this test may do anything to; this process announces there."""
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


def test_a_server_that_was_too_busy_is_told_again(
    consumers: Consumers, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody looks at the table here: only a permit can have told of the job. It is the first of
    this process, so that the connection could not be made either."""
    consumers.start(JOBS_SWEEP_SECONDS="3600")
    server.freeze()
    late = tasks.square.enqueue(2).id
    wait_until(lambda: "Redis takes no permits" in caplog.text)

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


def test_what_a_dead_consumer_held_goes_to_another(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client() as client:
        dead = RedisSource(server.url, "default")
        assert dead.receive(1, 0.1) == []  # makes the group
        client.xadd("jobs.default", {"body": "a"})
        assert [permit.body for permit in dead.receive(1, 0.1)] == [b"a"]
        monkeypatch.setattr(source, "ABANDONED_MS", 0)
        monkeypatch.setattr(source, "DEAD_MS", -1)

        living = RedisSource(server.url, "default")
        found = living.receive(5, 0.1)
        assert [permit.body for permit in found] == [b"a"]
        living.done(found)

        assert client.xlen("jobs.default") == 0
        (left,) = client.xinfo_consumers("jobs.default", "jobs")
        assert left["name"] != dead._me.encode()
    dead._client.close()
    living.close()


def test_what_the_known_dead_held_goes_to_another_at_once(server: RedisServer) -> None:
    dead, alive = (RedisSource(server.url, "default", name) for name in ("dead", "alive"))
    found: list[str] = []
    heir = RedisSource(server.url, "default", "heir", found)
    assert heir.receive(1, 0.1) == []  # makes the group
    with server.client() as client:
        for body in "abcd":
            client.xadd("jobs.default", {"body": body})
        assert alive.receive(1, 0.1)
        assert dead.receive(1, 0.1)
        assert dead.receive(5, 0.1)

        found.append("dead")
        heir._tidy_at = float("inf")  # not by looking for what has been left long ago
        inherited = [permit for _ in range(4) for permit in heir.receive(5, 0.01)]

        assert sorted(permit.body or b"" for permit in inherited) == [b"b", b"c", b"d"]
        heir.done(inherited)
        assert client.xlen("jobs.default") == 1
    for link in (dead, alive, heir):
        link._client.close()


def test_what_a_leaving_consumer_holds_goes_to_another(server: RedisServer) -> None:
    first, second = (RedisSource(server.url, "default") for _ in range(2))
    first.receive(1, 0.1)  # makes the group
    with server.client() as client:
        client.xadd("jobs.default", {"body": "a", "more": "b"})
        assert [permit.body for permit in first.receive(1, 0.1)] == [b"a"]

        first.close()

        found = [permit for _ in range(2) for permit in second.receive(5, 0.1)]
        assert [permit.body for permit in found] == [b"a"]
        ((_, fields),) = client.xrange("jobs.default")
        assert fields == {b"body": b"a", b"more": b"b"}
    second.done(found)
    second.close()


def test_an_answer_that_breaks_off_is_read_again(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server's books the entries are ours, though we never saw them."""
    monkeypatch.setattr(source, "READ_SECONDS", 0.5)
    link = RedisSource(server.url, "default")
    for _ in range(2):  # makes the group, then looks for what the dead left
        assert link.receive(1, 0.1) == []
    with server.client() as client:
        client.xadd("jobs.default", {"body": "a"})
        client.xadd("jobs.default", {"body": "b"})
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            link.receive(1, 0.1)
        server.thaw()
        wait_until(lambda: client.xpending("jobs.default", "jobs")["pending"] == 1)

    found = link.receive(1, 0.1)
    assert [permit.body for permit in found] == [b"a"]
    link.done(found)
    assert [permit.body for permit in link.receive(1, 0.1)] == [b"b"]
    link._client.close()


def test_a_stream_that_is_deleted_under_a_waiting_link_is_made_anew(server: RedisServer) -> None:
    """Nothing is wrong with the server then: to leave it alone for a second would be a second in
    which it tells of no job."""
    link = RedisSource(server.url, "default")
    for _ in range(2):  # makes the group, then looks for what the dead left
        assert link.receive(1, 0.01) == []
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(link.receive, 1, 60.0)
        wait_until(lambda: client.info("clients")["blocked_clients"] == 1)
        client.delete("jobs.default")
        assert waiting.result() == []
        client.xadd("jobs.default", {"body": "a"})
        assert [permit.body for permit in link.receive(1, 0.1)] == [b"a"]
    link.close()


def test_an_entry_without_the_field_is_shown(server: RedisServer) -> None:
    link = RedisSource(server.url, "default")
    link.receive(1, 0.1)
    with server.client() as client:
        client.xadd("jobs.default", {"text": "hello"})
    (found,) = link.receive(1, 0.1)
    assert found.body is None
    assert b"hello" in found.shown
    link.done([found])
    link.close()


def test_the_metrics_tell_what_lies_in_the_stream(server: RedisServer) -> None:
    with server.client() as client:
        for body in "abc":
            client.xadd("jobs.default", {"body": body})
    line = 'jobdesk_broker_messages{queue="default"} 3\n'
    wait_until(lambda: line in exposition(queue_states(timezone.now())))
