"""What a consumer's round costs, in statements and commits: the same for one job and a hundred."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.consumer.batch import Batch, BatchResult, write
from jobs.core.db import can_send_many
from jobs.core.states import AttemptOutcome, Status
from jobs.lifecycle import Claim, Outcome
from jobs.models import Attempt, Job
from tests.factories import make_consumer, record, take

pytestmark = pytest.mark.django_db(transaction=True)
COUNTS = (1, 100)


def spent(batch: Batch, consumer: object) -> tuple[BatchResult, list[str]]:
    """Write a batch; return what came of it, and each statement's first word."""
    with CaptureQueriesContext(connection) as queries:
        written = write(batch, consumer)  # type: ignore[arg-type]
    limits = "idle_in_transaction_session_timeout"  # PostgreSQL's part of a transaction's begin
    told = [one["sql"] for one in queries if limits not in one["sql"]]
    return written, [sql.split()[0] for sql in told if sql.split()[0] != "BEGIN"]


def outcomes(claims: list[Claim]) -> list[Outcome]:
    now = timezone.now()
    return [Outcome(claim=one, outcome=AttemptOutcome.SUCCEEDED, ended_at=now) for one in claims]


@pytest.mark.parametrize("count", COUNTS)
def test_claims_cost_a_look_a_statement_and_a_commit(count: int) -> None:
    for _ in range(count):
        record()
    consumer = make_consumer().pk
    written, told = spent(Batch(claims={"default": count}), consumer)
    assert len(written.claims["default"]) == count
    assert told == ["SELECT", "WITH", "COMMIT"]


@pytest.mark.parametrize("count", COUNTS)
def test_outcomes_cost_three_statements_and_share_the_commit_of_claims(count: int) -> None:
    for _ in range(2 * count):
        record()
    consumer = make_consumer().pk
    ended = take("default", count, consumer)
    batch = Batch(outcomes=outcomes(ended), claims={"default": count}, heartbeat=True)
    written, told = spent(batch, consumer)
    assert (written.superseded, len(written.claims["default"]), written.alive) == ([], count, True)
    # The attempts and the counts; PostgreSQL gets both in one message.
    inserts = ["INSERT"] if can_send_many(connection) else ["INSERT", "INSERT"]
    assert told == ["WITH", *inserts, "UPDATE", "WITH", "COMMIT"]
    assert Job.objects.filter(status=Status.SUCCEEDED).count() == count
    assert Attempt.objects.count() == count


def test_an_idle_look_is_one_read_and_no_commit() -> None:
    consumer = make_consumer().pk
    written, told = spent(Batch(claims={"default": 8}), consumer)
    assert not written.committed
    assert told == ["SELECT"]


def test_what_a_consumer_asks_each_second_is_two_reads_while_nothing_runs() -> None:
    consumer = make_consumer().pk
    with CaptureQueriesContext(connection) as queries:
        assert lifecycle.release_unconfirmed(consumer, set()) == []
        assert lifecycle.orphaned_consumers() == set()
    assert len(queries) == 2
