"""The attempt is the fence: what comes from an attempt that is over changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import lifecycle
from jobs.core.backoff import BASE, CEILING
from jobs.core.states import COUNTED_FAILURES, AttemptOutcome, Status
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact
from jobs.models import Artifact, Attempt, Job, LogChunk
from tests.factories import end, make_user, record, take, take_one

pytestmark = pytest.mark.django_db


def taken_again() -> tuple[Claim, Claim, Job]:
    """A job whose first attempt was handed back and that runs now as its second."""
    job = record()
    old = take_one()
    end(old, AttemptOutcome.RELEASED)
    return old, take_one(), job


def row(job: Job) -> dict[str, Any]:
    return dict(Job.objects.filter(pk=job.pk).values().get())


def note(claim: Claim, name: str = "a.txt", file: str = "f1") -> StoredArtifact:
    return StoredArtifact(claim.id, claim.attempt, name, 3, "text/plain", file)


@pytest.mark.parametrize("ending", list(AttemptOutcome))
def test_an_outcome_that_comes_late_changes_nothing(ending: AttemptOutcome) -> None:
    old, _, job = taken_again()
    before = row(job)
    assert not end(old, ending, result="late", error_type="Late", message="late")
    assert row(job) == before
    assert Attempt.objects.count() == 1


def test_an_outcome_counts_once() -> None:
    job = record()
    claim = take_one()
    assert end(claim, result=1)
    before = row(job)
    assert not end(claim, result=2)
    assert not end(claim, AttemptOutcome.FAILED)
    assert row(job) == before
    assert Attempt.objects.count() == 1


def test_of_several_outcomes_only_the_late_ones_are_told() -> None:
    old, new, _ = taken_again()
    record()
    other = take_one()
    outcomes = [
        Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, ended_at=timezone.now())
        for claim in (old, new, other)
    ]
    assert lifecycle.finish(outcomes) == [outcomes[0]]
    assert Attempt.objects.filter(outcome=AttemptOutcome.SUCCEEDED).count() == 2
    assert lifecycle.finish([]) == []


def test_words_of_an_old_attempt_are_dropped() -> None:
    old, new, job = taken_again()
    before = row(job)
    lifecycle.write_updates(
        [AttemptUpdate(old.id, old.attempt, done=9, total=10, message="x", log="late")]
    )
    assert row(job) == before
    assert not LogChunk.objects.exists()
    lifecycle.write_updates(
        [AttemptUpdate(new.id, new.attempt, done=1, total=2, message="m" * 400, log="ab")]
    )
    lifecycle.write_updates([AttemptUpdate(new.id, new.attempt, log="cde")])
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total, len(job.progress_message)) == (1, 2, 300)
    assert (job.percent, job.log_size) == (50.0, 5)
    assert list(LogChunk.objects.values_list("start", "text")) == [(0, "ab"), (2, "cde")]
    assert job.version == before["version"] + 2


def test_a_long_message_fits_its_column() -> None:
    record()
    claim = take_one()
    lifecycle.write_updates([AttemptUpdate(claim.id, claim.attempt, done=1, message="x" * 1000)])
    assert Job.objects.get().progress_message == "x" * 300


def test_words_after_the_end_are_dropped() -> None:
    job = record()
    claim = take_one()
    end(claim)
    before = row(job)
    lifecycle.write_updates([AttemptUpdate(claim.id, claim.attempt, done=1, log="late")])
    assert row(job) == before


def test_a_file_of_an_old_attempt_does_not_count() -> None:
    old, new, job = taken_again()
    version = row(job)["version"]
    assert lifecycle.save_artifact(note(old)) == (False, None)
    assert not Artifact.objects.exists()
    assert lifecycle.save_artifact(note(new)) == (True, None)
    assert row(job)["version"] == version + 1, "an open page and a poll learn of it"
    assert lifecycle.save_artifact(note(new)) == (True, None)
    assert lifecycle.save_artifact(note(new, file="f2")) == (True, "f1")
    assert Artifact.objects.get().file == "f2"
    assert job.artifacts.get().attempt == new.attempt


def test_progress_of_the_attempt_before_is_gone() -> None:
    record()
    claim = take_one()
    lifecycle.write_updates(
        [AttemptUpdate(claim.id, claim.attempt, done=5, total=9, message="half")]
    )
    end(claim, AttemptOutcome.RELEASED)
    take_one()
    job = Job.objects.get()
    assert (job.progress_done, job.progress_total, job.progress_message) == (None, None, "")
    assert job.progress is None


class TestOutcomes:
    """Where each ending leads, and what it costs."""

    def test_success(self) -> None:
        job = record()
        ended = timezone.now()
        end(take_one(), result={"a": 1}, ended_at=ended)
        job.refresh_from_db()
        assert (job.status, job.result, job.finished_at) == (Status.SUCCEEDED, {"a": 1}, ended)
        assert (job.error_type, job.failures, job.consumer_id) == ("", 0, None)
        attempt = job.attempts.get()
        assert (attempt.number, attempt.outcome, attempt.consumer) == (1, "succeeded", "here:7")
        assert attempt.ended_at == ended

    @pytest.mark.parametrize("result", [None, False, 0, "", [], {}, "null"])
    def test_a_result_comes_back_as_it_was(self, result: Any) -> None:
        job = record()
        end(take_one(), result=result)
        job.refresh_from_db()
        assert job.result == result
        assert type(job.result) is type(result)

    @pytest.mark.parametrize("ending", sorted(COUNTED_FAILURES))
    def test_a_failure_with_budget_left_waits_and_tells_why(self, ending: AttemptOutcome) -> None:
        job = record(max_attempts=2)
        ended = timezone.now()
        end(take_one(), ending, ended_at=ended, error_type="E", message="m", traceback="t")
        job.refresh_from_db()
        assert (job.status, job.failures, job.finished_at) == (Status.SCHEDULED, 1, None)
        assert (job.error_type, job.error_message) == ("E", "m")
        assert job.run_after is not None
        assert timedelta(seconds=BASE / 2) <= job.run_after - ended <= timedelta(seconds=BASE)
        assert job.attempts.get().traceback == "t"

    def test_the_budget_is_of_failures(self) -> None:
        job = record(max_attempts=2)
        for number, (ending, status) in enumerate(
            [
                (AttemptOutcome.RELEASED, Status.QUEUED),
                (AttemptOutcome.LOST, Status.QUEUED),
                (AttemptOutcome.FAILED, Status.SCHEDULED),
                (AttemptOutcome.LOST, Status.QUEUED),
                (AttemptOutcome.TIMED_OUT, Status.FAILED),
            ]
        ):
            lifecycle.promote_due(timezone.now() + timedelta(seconds=CEILING))
            end(take_one(), ending, error_type="E")
            job.refresh_from_db()
            assert (job.status, job.attempt) == (status, number + 1)
        assert (job.failures, job.lost_count) == (2, 2)
        assert list(job.attempts.values_list("number", flat=True)) == [1, 2, 3, 4, 5]

    def test_what_is_not_worth_a_retry_fails_at_once(self) -> None:
        job = record(max_attempts=9)
        end(take_one(), AttemptOutcome.FAILED, final=True, error_type="E", message="m")
        job.refresh_from_db()
        assert (job.status, job.failures, job.run_after) == (Status.FAILED, 1, None)
        assert job.finished_at is not None

    def test_what_was_handed_back_has_no_error(self) -> None:
        job = record()
        end(take_one(), AttemptOutcome.RELEASED, error_type="Stopped", message="stopping")
        job.refresh_from_db()
        assert (job.status, job.error_type, job.error_message) == (Status.QUEUED, "", "")

    def test_a_task_may_end_itself_as_cancelled(self) -> None:
        job = record()
        end(take_one(), AttemptOutcome.CANCELLED, error_type="Cancelled", message="no need")
        job.refresh_from_db()
        assert (job.status, job.error_type) == (Status.CANCELLED, "Cancelled")
        assert job.failures == 0

    @pytest.mark.parametrize("ending", list(AttemptOutcome))
    def test_a_cancel_that_was_asked_for_turns_every_way_out_but_success(
        self, ending: AttemptOutcome
    ) -> None:
        job = record(owner=make_user(), max_attempts=9)
        claim = take_one()
        lifecycle.cancel_job(job.pk, "ada")
        end(claim, ending, result=7, error_type="E", message="m")
        job.refresh_from_db()
        if ending == AttemptOutcome.SUCCEEDED:
            assert (job.status, job.result, job.error_type) == (Status.SUCCEEDED, 7, "")
        else:
            assert (job.status, job.result) == (Status.CANCELLED, None)
            assert (job.error_type, job.error_message) == ("Cancelled", "cancelled by ada")
        assert job.finished_at is not None
        assert job.run_after is None
        assert take() == []
