"""A Kafka server that is frozen, stopped or loses its topic costs no job."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from jobs import brokers
from jobs.brokers import choose
from jobs.ids import uuid7
from jobs.models import Job
from tests.desk import tasks
from tests.running import Consumers, wait_finished, wait_status
from tests.waiting import wait_until

from .kafka_server import KafkaServer
from .producers import sender_of

pytestmark = [
    pytest.mark.processes,
    pytest.mark.kafka,
    pytest.mark.skipif(os.name == "nt", reason="SIGSTOP"),
]
ALMOST_NO_TIME = 1.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A server that this module may do anything to."""
    made = KafkaServer(tmp_path_factory.mktemp("kafka")).start()
    yield made
    made.stop()


@pytest.fixture
def server(node: KafkaServer, transactional_db: None, settings: Any) -> Iterator[KafkaServer]:
    """The server, with this process announcing there."""
    settings.JOBS = {**settings.JOBS, "BROKER_URL": node.url}
    yield node
    choose._make.cache_clear()


@pytest.fixture
def consumers(server: KafkaServer, tmp_path: Path) -> Iterator[Consumers]:
    """Consumers that listen to it."""
    starter = Consumers(tmp_path, JOBS_BROKER_URL=server.url, JOBS_SWEEP_SECONDS="0.5")
    yield starter
    starter.stop_all()
    starter.end_all()


def _enqueue_quickly(n: int) -> str:
    began = time.monotonic()
    result = tasks.square.enqueue(n)
    assert time.monotonic() - began < ALMOST_NO_TIME
    return str(result.id)


def _record_by_message(server: KafkaServer, n: int) -> Job:
    """Only the broker can have told of this one."""
    job_id = str(uuid7())
    body = f'{{"job_id": "{job_id}", "task": "desk.square", "args": {{"n": {n}}}}}'
    sender_of(server.url.partition("?")[0])(body.encode())
    wait_until(lambda: Job.objects.filter(pk=job_id).exists(), timeout=60)
    return wait_finished(job_id)


def test_a_frozen_server_costs_a_look(consumers: Consumers, server: KafkaServer) -> None:
    User.objects.create_user("ada")
    consumers.start(JOBS_FOREIGN_OWNER="ada")
    wait_finished(tasks.square.enqueue(1).id)
    server.signal(signal.SIGSTOP)

    ids = [_enqueue_quickly(n) for n in range(5)]

    assert [wait_finished(one).result for one in ids] == [0, 1, 4, 9, 16]
    server.signal(signal.SIGCONT)
    assert _record_by_message(server, 6).result == 36


def test_a_stopped_server_costs_a_look(consumers: Consumers, server: KafkaServer) -> None:
    User.objects.create_user("ada")
    consumers.start(JOBS_FOREIGN_OWNER="ada")
    wait_finished(tasks.square.enqueue(1).id)
    server.stop()

    assert wait_finished(_enqueue_quickly(3)).result == 9

    server.start()
    assert _record_by_message(server, 5).result == 25


def test_a_topic_that_is_deleted_is_made_again(consumers: Consumers, server: KafkaServer) -> None:
    User.objects.create_user("ada")
    consumers.start(JOBS_FOREIGN_OWNER="ada")
    assert _record_by_message(server, 4).result == 16

    server.delete_topic("jobs.default")

    assert wait_finished(_enqueue_quickly(3)).result == 9
    assert _record_by_message(server, 5).result == 25


def test_a_consumer_killed_with_permits_in_hand(
    consumers: Consumers, server: KafkaServer, tmp_path: Path
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


def test_a_long_job_keeps_the_partitions(
    consumers: Consumers, server: KafkaServer, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    consumer = consumers.start("--concurrency", "1")
    held = tasks.hold_in_process.enqueue(path=str(go))
    wait_status(held.id, "running")
    waiting = [tasks.square.enqueue(n).id for n in range(3)]
    go.touch()
    assert [wait_finished(one).result for one in waiting] == [0, 1, 4]
    assert not any("away" in line for line in consumer.said)
