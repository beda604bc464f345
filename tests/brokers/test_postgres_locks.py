"""A lock that somebody holds on PostgreSQL: who waits for an answer is told, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.core import lock_timeout
from jobs.core.lock_timeout import limited_lock_waits
from jobs.models import Consumer, Job, Token
from tests.brokers.servers import Setup
from tests.consumers import Consumers, wait_finished, wait_status
from tests.factories import finished_long_ago
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize(
        "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
    ),
]
LIMIT = "SELECT current_setting('lock_timeout')"
TABLE = "LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE"
ROWS = "SELECT id FROM jobs_job FOR UPDATE"
ENOUGH_SECONDS = 60
PATIENCE = 10
"""Beats of its own that a consumer waits for another's, and then takes it for dead."""


@contextmanager
def somebody(statement: str) -> Iterator[None]:
    """Somebody else's transaction that has done this and does not end."""
    other = connections.create_connection("default")
    other.inc_thread_sharing()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(statement)
        yield
    finally:
        other.rollback()  # of a connection that is only closed the server lets go a moment later
        other.close()


def in_time(call: Callable[[], Any]) -> Any:
    """What it answers; an answer that does not come fails the test instead of holding it up."""

    def closing() -> Any:
        try:
            return call()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(closing).result(ENOUGH_SECONDS)
    finally:
        pool.shutdown(wait=False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_timeout, "LOCK_SECONDS", 0.3)


@pytest.fixture
def signed_in(setup: Setup) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada"))
    return client


def _post(token: str) -> Any:
    return Client(headers={"Authorization": f"Bearer {token}"}).post(
        "/api/v1/jobs",
        json.dumps({"task": "testapp.square", "args": {"n": 3}}),
        content_type="application/json",
    )


def test_a_submission_hears_503_and_when_to_come_back(signed_in: Client, impatient: None) -> None:
    _, token = Token.objects.issue(User.objects.get())
    with somebody(TABLE):
        by_api = in_time(lambda: _post(token))
        by_form = in_time(lambda: signed_in.post("/tasks/testapp.square/", {"n": "31"}))

    for answer in (by_api, by_form):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert 'value="31"' in by_form.content.decode()  # all that was typed stays
    assert not Job.objects.exists()
    assert _post(token).status_code == 202


@pytest.mark.parametrize("address", ["/api/v1/jobs", "/api/v1/jobs/{}", "/jobs/", "/jobs/{}/", "/"])
def test_a_read_hears_503(signed_in: Client, impatient: None, address: str) -> None:
    job = tasks.square.options(owner=User.objects.get()).enqueue(3)
    address = address.format(job.id)
    with somebody(TABLE):
        answer = in_time(lambda: signed_in.get(address))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert signed_in.get(address).status_code == 200


def test_only_our_own_statements_are_limited(setup: Setup) -> None:
    def limit() -> str:
        with connection.cursor() as cursor:
            cursor.execute(LIMIT)
            return str(cursor.fetchone()[0])

    tasks.square.enqueue(3)
    with limited_lock_waits():
        assert limit() == "5s"
        with transaction.atomic(), transaction.atomic():
            assert limit() == "5s"
            assert Job.objects.count() == len(list(Job.objects.iterator())) == 1
    assert limit() == "0"
    with transaction.atomic(), limited_lock_waits():
        assert limit() == "0"  # the transaction is the caller's


def test_a_limit_of_the_project_counts(setup: Setup) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1h'")
        with limited_lock_waits():
            cursor.execute(LIMIT)
            assert cursor.fetchone() == ("1h",)
        cursor.execute("RESET lock_timeout")


def test_retention_passes_over_what_another_process_deletes(setup: Setup) -> None:
    first, second = (finished_long_ago().pk for _ in range(2))
    Job.objects.filter(pk=second).update(finished_at=F("finished_at") + timedelta(days=1))
    one = lifecycle.PruneRun(timezone.now())
    with somebody(f"SELECT id FROM jobs_job WHERE id = '{first}' FOR UPDATE"):
        assert in_time(lambda: (one.step(1), one.is_done)) == (0, False)
        assert in_time(lambda: (one.step(9), one.is_done)) == (1, True)
        assert Job.objects.get().pk == first
    assert lifecycle.prune_chunk(timezone.now()) == 1


@pytest.mark.processes
@pytest.mark.parametrize("lock", [TABLE, ROWS])
def test_a_lock_of_more_than_a_lease_loses_nothing(
    consumers: Consumers, tmp_path: Path, lock: str
) -> None:
    """A job ends meanwhile; the other consumer, with nothing to write, must not take over."""
    go, ledger = tmp_path / "go", tmp_path / "ledger"
    busy = consumers.start("--queues", "default", JOBS_LEASE_SECONDS="2")
    held = tasks.hold.enqueue(path=str(go))
    wait_status(held.id, "running")
    consumers.start("--queues", "mail", JOBS_LEASE_SECONDS="2")
    idle = Consumer.objects.get(queues=["mail"])
    if lock == TABLE:
        tasks.ledger.enqueue(path=str(ledger), line="once")

    with somebody(lock):
        go.touch()
        wait_until(lambda: any("cannot be written" in line for line in busy.log))
        idle.refresh_from_db()
        seen = idle.heartbeat
        wait_until(lambda: Consumer.objects.get(pk=idle.pk).heartbeat > seen + 2 * PATIENCE)

    assert wait_finished(held.id).attempt == 1
    assert not Consumer.objects.exclude(dead_at=None).exists()
    if lock == TABLE:
        wait_until(lambda: not Job.objects.exclude(status="succeeded").exists())
        assert ledger.read_text(encoding="utf-8").split() == ["once"]
