"""A PostgreSQL server restarts while jobs run: each of them ends once."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from jobs.core.states import UNFINISHED
from jobs.core.uuid7 import uuid7
from jobs.models import Consumer, Job, QuarantinedMessage
from tests.brokers.postgres_server import PostgresServer
from tests.brokers.redis_server import RedisServer
from tests.brokers.servers import default_database, postgres_config
from tests.consumers import Consumers, wait_finished, wait_status
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.postgres]


@pytest.fixture
def server(transactional_db: None) -> Iterator[PostgresServer]:
    """A server that this test may stop, as the database of this test."""
    with tempfile.TemporaryDirectory() as name:
        made = PostgresServer(Path(name))
        made.start()
        with default_database(postgres_config(made.url)):
            call_command("migrate", verbosity=0)
            yield made
        made.stop()


@pytest.fixture
def consumers(server: PostgresServer, tmp_path: Path) -> Iterator[Consumers]:
    """Consumers over that server, woken by NOTIFY alone."""
    starter = Consumers(tmp_path, JOBS_SWEEP_SECONDS="3600")
    yield starter
    starter.end_all()


def _all_finished() -> bool:
    return not Job.objects.filter(status__in=UNFINISHED).exists()


def test_a_server_that_crashes_under_running_jobs(
    consumers: Consumers, server: PostgresServer, tmp_path: Path
) -> None:
    go, ledger = tmp_path / "go", tmp_path / "ledger"
    consumer = consumers.start("--concurrency", "4")
    held = tasks.hold_in_process.enqueue(path=str(go))
    wait_status(held.id, "running")
    for number in range(20):
        tasks.ledger.enqueue(path=str(ledger), line=str(number))

    server.stop()
    go.touch()
    wait_until(lambda: any("cannot be written" in line for line in consumer.log))
    connection.close()
    server.start()

    assert wait_finished(held.id).attempt == 1
    wait_until(_all_finished)
    assert set(Job.objects.values_list("status", flat=True)) == {"succeeded"}
    ran = Counter(ledger.read_text(encoding="utf-8").split())
    assert ran.keys() == {str(number) for number in range(20)}


def test_notifications_arrive_after_a_restart(consumers: Consumers, server: PostgresServer) -> None:
    consumer = consumers.start()
    assert wait_finished(tasks.square.enqueue(3).id).result == 9

    connection.close()
    server.stop("fast")
    server.start()

    for n in range(5):
        assert wait_finished(tasks.square.enqueue(n).id).result == n * n
    assert consumer.stop() == 0
    assert not Consumer.objects.exists()


@pytest.mark.redis
def test_a_crash_while_other_programs_send_by_redis(
    consumers: Consumers, server: PostgresServer, tmp_path: Path
) -> None:
    """What was delivered and cannot be recorded stays with the consumer."""
    broker = RedisServer(tmp_path).start()
    User.objects.create_user("ada")
    consumer = consumers.start(JOBS_BROKER_URL=broker.url, JOBS_FOREIGN_OWNER="ada")
    connection.close()
    server.stop()
    ids = [str(uuid7()) for _ in range(20)]
    with broker.client() as client:
        for n, job_id in enumerate(ids):
            body = f'{{"job_id": "{job_id}", "task": "testapp.square", "args": {{"n": {n}}}}}'
            client.xadd("jobs.default", {"body": body})
        wait_until(lambda: any("must wait" in line for line in consumer.log))

        server.start()

        wait_until(lambda: Job.objects.filter(pk__in=ids).count() == len(ids))
        assert [wait_finished(one).result for one in ids] == [n * n for n in range(20)]
        assert set(Job.objects.values_list("attempt", flat=True)) == {1}
        wait_until(lambda: client.xlen("jobs.default") == 0)
    assert not QuarantinedMessage.objects.exists()
    consumers.stop_all()
    broker.stop()
