"""Everything works through pgbouncer, also where it lends a connection for one transaction only."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections

from jobs.brokers.wakeup.pg_listen import PgListener, notify
from jobs.core.states import Status
from jobs.models import Attempt, Consumer, Job, LogChunk, Token
from jobs.queries import logs
from tests.brokers.pgbouncer import SERVER_CONNECTIONS, PgBouncer
from tests.brokers.servers import default_database
from tests.factories import end, make_job, make_user, take_all
from tests.integration.api_client import Api
from tests.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.pgbouncer]

CLIENTS = 3 * SERVER_CONNECTIONS


@pytest.fixture(params=["transaction", "session"])
def mode(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def bouncer(
    mode: str,
    postgres: dict[str, Any],
    tmp_path: Path,
    transactional_db: None,
    settings: Any,
) -> Iterator[PgBouncer]:
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path}
    # Not in tmp_path, which only root may read: pgbouncer runs as another user then.
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        started = PgBouncer(Path(folder), postgres, mode)
        try:
            with default_database(started.config):
                _empty()  # tests of this process share the server's database
                yield started
                _empty()
        finally:
            started.stop()


def _empty() -> None:
    for model in (LogChunk, Attempt, Job, Consumer, Token, User):
        model._default_manager.all().delete()


def with_log(chunks: int) -> Job:
    """A job with a log of so many chunks, more than are read at once."""
    text = "one line\n"
    job = make_job(owner=make_user(), status=Status.RUNNING, log_size=chunks * len(text))
    LogChunk.objects.bulk_create(
        LogChunk(job=job, start=number * len(text), text=text) for number in range(chunks)
    )
    return job


def test_many_read_logs_at_once(bouncer: PgBouncer) -> None:
    job = with_log(200)
    client = Api(job.owner)

    def read(_: int) -> tuple[int, int]:
        try:
            found = client.client.get(f"/api/v1/jobs/{job.pk}/log")
            return found.status_code, len(found.content)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(CLIENTS) as readers:
        assert set(readers.map(read, range(10 * CLIENTS))) == {(200, job.log_size)}


def test_a_log_is_streamed_while_others_use_the_connection(bouncer: PgBouncer) -> None:
    job = with_log(200)
    pieces = logs.chunks(job)
    first = next(pieces)
    with ThreadPoolExecutor(CLIENTS) as others:
        list(others.map(lambda _: _query(), range(10 * CLIENTS)))
    assert first + "".join(pieces) == "one line\n" * 200


def _query() -> None:
    try:
        Job.objects.count()
    finally:
        connections.close_all()


def test_jobs_are_claimed_and_written_back(bouncer: PgBouncer) -> None:

    made = {make_job().pk for _ in range(20)}
    claims = take_all()
    assert {claim.id for claim in claims} == made
    assert all(end(claim) for claim in claims)
    assert set(Job.objects.values_list("status", flat=True)) == {Status.SUCCEEDED}


def test_an_idle_consumer_notices_a_job(bouncer: PgBouncer, mode: str) -> None:
    listener = PgListener("default")
    try:
        assert listener.wait(30)  # a new connection counts as a notification
        notify(connection, "default")
        wait_until(lambda: listener.wait(5), what="a wake-up")
        assert listener._is_deaf == (mode == "transaction")
    finally:
        listener.close()


def test_doctor_says_so(bouncer: PgBouncer) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError):  # no consumer runs
        call_command("doctor", stdout=out)
    assert "A pooler (such as pgbouncer) is before PostgreSQL." in out.getvalue()


def test_doctor_does_not_say_so_without_one(
    postgres: dict[str, Any], transactional_db: None
) -> None:
    out = io.StringIO()
    with default_database(postgres), pytest.raises(CommandError):
        call_command("doctor", stdout=out)
    assert "pooler" not in out.getvalue()
