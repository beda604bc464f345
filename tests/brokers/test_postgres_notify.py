"""On PostgreSQL a job's INSERT, its commit and the NOTIFY are one message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.brokers.wakeup.pg_listen import PgListener
from jobs.consumer.batch import Batch, write
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import insert_and_notify
from jobs.models import Job
from tests.brokers.servers import Setup
from tests.testapp import tasks

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize(
        "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
    ),
]


@pytest.fixture
def listener(setup: Setup) -> Iterator[PgListener]:
    made = PgListener("default")
    assert made.wait(5)  # connecting counts as a wake-up
    yield made
    made.close()


def test_a_submission_is_one_message_and_notifies_for_its_queue(listener: PgListener) -> None:
    with CaptureQueriesContext(connection) as queries:
        tasks.square.enqueue(3)
    assert len(queries) == 1
    assert listener.wait(5)
    assert listener.queues == {"default"}
    job = Job(task="t")
    lifecycle.insert_job(job)
    assert (job._state.adding, job._state.db) == (False, "default")


def test_in_the_callers_transaction_it_notifies_after_the_commit(listener: PgListener) -> None:
    with transaction.atomic():
        tasks.square.enqueue(3)
        assert not listener.wait(0.05)
    assert listener.wait(5)


def test_what_is_refused_leaves_no_transaction_open(listener: PgListener) -> None:
    taken: Any = Job.objects.get(pk=tasks.square.enqueue(3).id)
    no_upload = [uuid7()]
    assert listener.wait(5)
    # The first fails at its INSERT, the other at the commit, where foreign keys are checked.
    for job, uploads in ((Job(task="t", id=taken.id), []), (Job(task="t"), no_upload)):
        with pytest.raises(IntegrityError):
            lifecycle.insert_job(job, uploads)
        assert Job.objects.count() == 1
        assert not connection.connection.info.transaction_status
    assert not listener.wait(0.05)


@pytest.mark.parametrize("code", ["54000", "42P01"])
def test_a_notify_that_fails_is_no_refusal(
    setup: Setup, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The queue of NOTIFY may be full: the job is inserted by then."""
    fails = f"DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '{code}'; END $$"
    insert = "INSERT INTO jobs_queue (name, paused) VALUES (%s, false)"
    if code == "54000":
        insert_and_notify.run_and_notify(connection, insert, ["q"], (fails, []))
        assert "could not tell the consumers" in caplog.text
        # The same code from the statement itself, which has then done nothing.
        with pytest.raises(DatabaseError):
            insert_and_notify.run_and_notify(connection, fails, [], ("SELECT 1", []))
    else:
        with pytest.raises(DatabaseError):
            insert_and_notify.run_and_notify(connection, insert, ["q"], (fails, []))


def test_a_poll_is_one_statement_that_claims(setup: Setup) -> None:
    consumer = lifecycle.register("host", 1, ["default"], 4)
    polls = Batch(claims={"default": 4, "mail": 4})
    with CaptureQueriesContext(connection) as queries:
        assert not write(polls, consumer).committed
        job = tasks.square.enqueue(3)
        written = write(polls, consumer)
    assert [str(claim.id) for claim in written.claims["default"]] == [job.id]
    assert written.committed
    assert len(queries) == 5


def test_a_claim_counts_though_the_next_poll_fails(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = lifecycle.register("host", 1, ["default"], 4)
    job = tasks.square.enqueue(3)
    claim = lifecycle.claim_jobs

    def failing(queue: str, *args: Any) -> Any:
        if queue == "mail":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return claim(queue, *args)

    monkeypatch.setattr(lifecycle, "claim_jobs", failing)
    written = write(Batch(claims={"default": 4, "mail": 4}), consumer)
    assert {queue: len(found) for queue, found in written.claims.items()} == {"default": 1}
    connection.close()
    assert Job.objects.get(pk=job.id).consumer_id == consumer


def test_a_paused_queue_gives_nothing_and_nothing_is_locked(setup: Setup) -> None:
    consumer = lifecycle.register("host", 1, ["default"], 4)
    tasks.square.enqueue(3)
    lifecycle.set_paused("default", paused=True)
    with transaction.atomic():
        assert lifecycle.claim_jobs("default", 4, consumer, timezone.now()) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")
            assert cursor.fetchone() == (True,)
    assert lifecycle.claim_jobs("default", 4, uuid7(), timezone.now()) == []
