"""A Redis, Kafka or RabbitMQ that is away, frozen, emptied or restarted costs no job, and no
request its speed."""

from __future__ import annotations

import json
import os
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from jobs import brokers, lifecycle
from jobs.brokers import registry
from jobs.core.states import UNFINISHED
from jobs.core.uuid7 import uuid7
from jobs.models import Job, Token
from tests.brokers.kafka_server import KafkaServer
from tests.brokers.producers import sender_of
from tests.brokers.rabbit_server import RabbitServer
from tests.brokers.redis_server import RedisServer
from tests.brokers.servers import Setup, default_database
from tests.consumers import Consumers, wait_finished, wait_status
from tests.opened import open_url
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(os.name == "nt", reason="SIGSTOP"),
]
OVER_SQLITE = [
    Setup("redis", broker="redis"),
    Setup("kafka", broker="kafka"),
    Setup("rabbitmq", broker="rabbitmq"),
]
# Where the database's own promises count: jobs that two consumers take, a broker that forgets.
OVER_BOTH = [
    *OVER_SQLITE,
    Setup("redis-postgres", broker="redis", database="postgres"),
    Setup("kafka-postgres", broker="kafka", database="postgres"),
]


def over(setups: list[Setup]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("server", [one.parameter() for one in setups], indirect=True)


REQUESTS = 30
MOST_TIMES_SLOWER = 10
"""Times the usual: a request that waited for the broker would take a hundred times as long."""


class Server(Protocol):
    """What each server can be made to do."""

    url: str

    def start(self) -> Any: ...
    def stop(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def empty(self) -> None: ...


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka that this module may do anything to; every test leaves it running."""
    made = KafkaServer(tmp_path_factory.mktemp("kafka"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A RabbitMQ, likewise."""
    made = RabbitServer(tmp_path_factory.mktemp("rabbitmq"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    made = RedisServer(tmp_path).start()
    yield made
    made.stop()


@pytest.fixture
def server(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any
) -> Iterator[Server]:
    """One of them, to which this process sends, over the database that goes with it."""
    asked: Setup = request.param
    made: Server = request.getfixturevalue(asked.broker)
    settings.JOBS = {**settings.JOBS, "BROKER_URL": made.url}
    with ExitStack() as stack:
        if asked.database == "postgres":
            stack.enter_context(default_database(request.getfixturevalue("postgres")))
            call_command("flush", verbosity=0, interactive=False)
        yield made
    registry._make.cache_clear()


@pytest.fixture
def consumers(server: Server, tmp_path: Path) -> Iterator[Consumers]:
    """Consumers that receive from it, poll the table often, and take jobs of other programs."""
    User.objects.create_user("ada")
    starter = Consumers(
        tmp_path,
        JOBS_BROKER_URL=server.url,
        JOBS_SWEEP_SECONDS="0.5",
        JOBS_FOREIGN_OWNER="ada",
    )
    yield starter
    starter.stop_all()  # a killed one keeps Kafka's partitions for the next test's first seconds
    starter.end_all()


@pytest.fixture
def post(live_server: LiveServer, server: Server, consumers: Consumers) -> Callable[[int], str]:
    """Submit a job over HTTP and return its id; the answer must be 202."""
    _, token = Token.objects.issue(User.objects.get())

    def post(n: int) -> str:
        request = urllib.request.Request(
            f"{live_server.url}/api/v1/jobs",
            json.dumps({"task": "testapp.square", "args": {"n": n}}).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with open_url(request) as answer:
            assert answer.status == 202
            return str(json.load(answer)["id"])

    return post


def _typical_seconds(post: Callable[[int], str], ids: list[str]) -> float:
    """Post several jobs; return the median of the answers' times."""
    took = []
    for n in range(REQUESTS):
        began = time.perf_counter()
        ids.append(post(n))
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _message(server: Server, n: int) -> str:
    """Submit a job as another program does: only the broker knows of it."""
    job_id = str(uuid7())
    body = f'{{"job_id": "{job_id}", "task": "testapp.square", "args": {{"n": {n}}}}}'
    sender_of(server.url.partition("?")[0])(body.encode())
    return job_id


def _wait_for_message(job_id: str) -> Job:
    wait_until(lambda: Job.objects.filter(pk=job_id).exists(), timeout=90, what="the message")
    return wait_finished(job_id)


def _all_finished() -> bool:
    return not Job.objects.filter(status__in=UNFINISHED).exists()


@over(OVER_SQLITE)
@pytest.mark.parametrize("outage", ["stopped", "frozen"])
def test_a_request_is_answered_at_the_usual_speed(
    consumers: Consumers, server: Server, post: Callable[[int], str], outage: str
) -> None:
    consumers.start()
    ids: list[str] = []
    usual = _typical_seconds(post, ids)
    (server.stop if outage == "stopped" else server.freeze)()

    meanwhile = _typical_seconds(post, ids)

    assert meanwhile < MOST_TIMES_SLOWER * usual
    assert [wait_finished(one).result for one in ids] == 2 * [n * n for n in range(REQUESTS)]
    (server.start if outage == "stopped" else server.thaw)()
    assert _wait_for_message(_message(server, 6)).result == 36


@over([*OVER_BOTH[:1], *OVER_BOTH[2:]])  # once is enough with Kafka: its restart takes 20 s
def test_each_job_runs_once_across_a_restart(
    consumers: Consumers, server: Server, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    for _ in range(2):
        consumers.start("--concurrency", "4")
    for number in range(60):
        tasks.ledger.enqueue(path=str(ledger), line=str(number))
        if number == 20:
            server.stop()
        if number == 40:
            server.start()
    wait_until(_all_finished, timeout=60)
    assert _wait_for_message(_message(server, 5)).result == 25

    lines = ledger.read_text(encoding="utf-8").split()
    assert Counter(lines) == Counter(str(number) for number in range(60))
    assert set(Job.objects.values_list("status", "attempt")) == {("succeeded", 1)}


@over(OVER_BOTH)
def test_a_server_that_is_emptied_is_used_again(consumers: Consumers, server: Server) -> None:
    consumers.start()
    assert _wait_for_message(_message(server, 4)).result == 16

    server.empty()

    assert wait_finished(tasks.square.enqueue(3).id).result == 9
    # Nobody can send to a topic that is missing: a consumer makes it again.
    wait_until(lambda: brokers.get_broker().depth("default") is not None)
    assert _wait_for_message(_message(server, 5)).result == 25


@over(OVER_SQLITE)
def test_jobs_whose_messages_wait_when_a_consumer_is_killed_run(
    consumers: Consumers, server: Server, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    first = consumers.start("--concurrency", "1", JOBS_SWEEP_SECONDS="3600")
    held = tasks.hold_in_process.enqueue(path=str(go))
    wait_status(held.id, "running")
    waiting = [tasks.square.enqueue(n).id for n in range(3)]
    brokers.get_broker().flush(5)

    first.kill()
    go.touch()
    consumers.start()

    assert [wait_finished(one).result for one in waiting] == [0, 1, 4]
    assert wait_finished(held.id).attempt == 2


@over(OVER_SQLITE)
def test_messages_that_a_killed_consumer_had_received_are_adopted(
    consumers: Consumers, server: Server
) -> None:
    """They were delivered and could not be stored: the queue was full. The consumer that finds the
    dead one, by its lock, takes them over at once; if that was on another machine, Redis gives them
    to others after a while."""
    lifecycle.set_paused("default", paused=True)
    tasks.square.enqueue(1)
    first = consumers.start(JOBS_MAX_BACKLOG="1")
    ids = [_message(server, n) for n in range(3)]
    wait_until(lambda: any("must wait" in line for line in first.log))

    first.kill()
    consumers.start()

    # Kafka gives a dead consumer's partitions away after a while. (Redis's while is 30 s.)
    limit = 25 if isinstance(server, RedisServer) else 120
    wait_until(lambda: Job.objects.filter(pk__in=ids).count() == 3, timeout=limit)
    lifecycle.set_paused("default", paused=False)
    assert [wait_finished(one).result for one in ids] == [0, 1, 4]
