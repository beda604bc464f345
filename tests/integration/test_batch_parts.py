"""One value that the database refuses keeps nothing else from being written."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import DataError, OperationalError

from jobs import lifecycle
from jobs.consumer.batch import Batch, write_one_by_one
from jobs.core.states import AttemptOutcome
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact
from jobs.models import Artifact, Consumer, Job
from tests.consumers import log_of
from tests.factories import make_consumer, record, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

REFUSED = DataError("invalid \x00 value")


@pytest.fixture
def consumer() -> uuid.UUID:
    return make_consumer().pk


@pytest.fixture
def claims(consumer: uuid.UUID) -> list[Claim]:
    for _ in range(2):
        record(task="testapp.square")
    return take(limit=2, consumer=consumer)


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, one: Claim, error: Exception) -> None:
    """Have ``lifecycle`` refuse what concerns a job, as long as it succeeds."""
    original = getattr(lifecycle, name)

    def refusing(values: Any) -> Any:
        some: Sequence[Any] = values if isinstance(values, Sequence) else [values]
        for value in some:
            succeeded = getattr(value, "outcome", None) in {None, AttemptOutcome.SUCCEEDED}
            job_id = value.claim.id if isinstance(value, Outcome) else value.id
            if succeeded and job_id == one.id:
                raise error
        return original(values)

    monkeypatch.setattr(lifecycle, name, refusing)


def batch_of(claims: list[Claim]) -> Batch:
    outcomes = [
        Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, result=7, consumer="here:7")
        for claim in claims
    ]
    updates = [AttemptUpdate(claim.id, claim.attempt, log="a line\n") for claim in claims]
    artifacts = [
        StoredArtifact(claim.id, claim.attempt, "a.txt", 1, "text/plain", f"artifacts/{claim.id}")
        for claim in claims
    ]
    return Batch(outcomes=outcomes, updates=updates, artifacts=artifacts, heartbeat=True)


def test_a_job_whose_result_is_refused_fails_alone(
    claims: list[Claim], consumer: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, kept = claims
    refuse(monkeypatch, "prepare_outcomes", refused, REFUSED)
    batch = batch_of(claims)
    written = write_one_by_one(batch, consumer)

    assert (written.committed, written.superseded) == (True, [])
    assert Job.objects.get(pk=kept.id).result == 7
    failed = Job.objects.get(pk=refused.id)
    assert (failed.status, failed.error_type, failed.result) == ("failed", "InvalidResult", None)
    assert failed.error_message == r"The database refuses the result: 'invalid \x00 value'"
    assert batch.outcomes[0].is_failure, "what logs and signals look at says the same"
    assert log_of(failed) == "a line\n"
    assert Artifact.objects.count() == 2
    assert Consumer.objects.get(pk=consumer).heartbeat == 1


@pytest.mark.parametrize(
    ("name", "logs", "files"), [("write_updates", 1, 2), ("save_artifact", 2, 1)]
)
def test_a_report_that_is_refused_is_dropped_alone(
    name: str,
    logs: int,
    files: int,
    claims: list[Claim],
    consumer: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refuse(monkeypatch, name, claims[0], REFUSED)
    write_one_by_one(batch_of(claims), consumer)

    finished = Job.objects.all()
    assert {job.status for job in finished} == {"succeeded"}
    assert sum(log_of(job) == "a line\n" for job in finished) == logs
    assert Artifact.objects.count() == files
    assert "The database refuses what a job reported; it is dropped." in caplog.text


@pytest.mark.parametrize("name", ["write_updates", "save_artifact", "prepare_outcomes"])
def test_an_outage_in_between_drops_nothing(
    name: str, claims: list[Claim], consumer: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        refuse(patched, name, claims[0], OperationalError("database is locked"))
        with pytest.raises(OperationalError):
            write_one_by_one(batch_of(claims), consumer)
    assert Job.objects.get(pk=claims[0].id).status == "running"


def test_a_consumer_that_was_given_up_learns_it_here_too(claims: list[Claim]) -> None:
    stranger = uuid.uuid4()
    assert not write_one_by_one(batch_of(claims), stranger).alive


def test_an_outcome_that_came_too_late_is_told(claims: list[Claim], consumer: uuid.UUID) -> None:
    first = batch_of(claims)
    write_one_by_one(first, consumer)
    again = Batch(outcomes=batch_of(claims).outcomes)
    assert write_one_by_one(again, consumer).superseded == again.outcomes
