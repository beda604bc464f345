"""A PostgreSQL server that restarts under running jobs: each of them ends once."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from jobs.models import Job
from jobs.states import UNFINISHED
from tests.desk import tasks
from tests.running import Consumers, wait_finished, wait_status
from tests.waiting import wait_until

from .postgres_server import PostgresServer
from .servers import default_database, postgres_config

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
    """Consumers over that server, rung by NOTIFY alone."""
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
    wait_until(lambda: any("cannot be written" in line for line in consumer.said))
    connection.close()
    server.start()

    assert wait_finished(held.id).attempt == 1
    wait_until(_all_finished)
    assert set(Job.objects.values_list("status", flat=True)) == {"succeeded"}
    ran = Counter(ledger.read_text(encoding="utf-8").split())
    assert ran.keys() == {str(number) for number in range(20)}


def test_the_bell_rings_after_a_restart(consumers: Consumers, server: PostgresServer) -> None:
    consumers.start()
    assert wait_finished(tasks.square.enqueue(3).id).result == 9

    connection.close()
    server.stop("fast")
    server.start()

    for n in range(5):
        assert wait_finished(tasks.square.enqueue(n).id).result == n * n
