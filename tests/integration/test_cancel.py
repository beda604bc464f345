"""Cancelling a job: at once while it waits, by request while it runs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from jobs import lifecycle
from jobs.core.states import FINAL, WAITING, AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.errors import NotCancellable
from jobs.lifecycle import CancelResult, cancel
from jobs.models import Counter, Job
from tests.factories import end, make_consumer, make_job, record, take, take_one
from tests.threads import in_threads


@pytest.mark.django_db
class TestCancel:
    """By status: waiting, running, finished."""

    @pytest.mark.parametrize("status", sorted(WAITING))
    def test_a_waiting_job_is_cancelled_at_once(self, status: Status) -> None:
        job = make_job(status=status)
        assert lifecycle.cancel_job(job.pk, "ada") is CancelResult.CANCELLED
        job.refresh_from_db()
        assert (job.status, job.cancelled_by) == (Status.CANCELLED, "ada")
        assert job.cancel_requested
        assert (job.error_type, job.error_message) == ("Cancelled", "cancelled by ada")
        assert job.finished_at is not None
        assert job.version == 2
        assert lifecycle.cancel_job(job.pk, "bob") is CancelResult.ALREADY_CANCELLED
        assert Job.objects.get().cancelled_by == "ada"

    def test_a_running_job_is_asked_to_stop_once(self) -> None:
        consumer = make_consumer().pk
        job = record()
        take_one(consumer=consumer)
        assert lifecycle.requested_cancels(consumer) == {}
        before = Job.objects.get().version
        assert lifecycle.cancel_job(job.pk, "ada") is CancelResult.ASKED
        assert lifecycle.requested_cancels(consumer) == {job.pk: "ada"}
        version = Job.objects.get().version
        assert version == before + 1, "an open page and a poll learn of it"
        assert lifecycle.cancel_job(job.pk, "bob") is CancelResult.ASKED
        assert lifecycle.requested_cancels(consumer) == {job.pk: "ada"}
        job.refresh_from_db()
        assert (job.status, job.version) == (Status.RUNNING, version)
        assert lifecycle.requested_cancels(make_consumer().pk) == {}

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
    def test_a_long_name_fits_its_column(self, status: Status) -> None:
        job = make_job(status=status)
        lifecycle.cancel_job(job.pk, "x" * 1000)
        job.refresh_from_db()
        assert job.cancelled_by == "x" * 150

    @pytest.mark.parametrize("status", sorted(FINAL - {Status.CANCELLED}))
    def test_a_finished_job_cannot_be_cancelled(self, status: Status) -> None:
        job = make_job(status=status)
        with pytest.raises(NotCancellable, match=str(status.label)):
            lifecycle.cancel_job(job.pk, "ada")
        assert Job.objects.values().get() == Job.objects.filter(pk=job.pk).values()[0]
        assert not Job.objects.get().cancel_requested

    def test_a_job_that_changes_again_and_again_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between two statements it starts, fails and waits again: nothing is to loop for ever."""
        tries: list[str] = []

        def came_late(rows: object, job_id: uuid.UUID, by: str) -> int:
            tries.append(by)
            return 0

        monkeypatch.setattr(cancel, "_cancel_waiting", came_late)
        with pytest.raises(NotCancellable, match="changes too fast"):
            lifecycle.cancel_job(make_job().pk, "ada")
        assert len(tries) == 100

    def test_many_that_wait_are_cancelled_and_counted(self) -> None:
        jobs = [make_job(status=status) for status in sorted(WAITING)]
        others = [make_job(status=Status.RUNNING), make_job(status=Status.FAILED)]
        ids = [job.pk for job in (*jobs, *others)]
        assert set(lifecycle.cancel_waiting_jobs(ids, "ada")) == {job.pk for job in jobs}
        assert Counter.objects.get().jobs_cancelled == len(jobs)  # type: ignore[attr-defined]
        assert lifecycle.cancel_waiting_jobs(ids, "ada") == []
        assert lifecycle.cancel_waiting_jobs([], "ada") == []

    def test_a_job_that_does_not_exist(self) -> None:
        with pytest.raises(Job.DoesNotExist):
            lifecycle.cancel_job(uuid7(), "ada")

    def test_a_cancelled_job_is_not_claimed(self) -> None:
        job = record()
        lifecycle.cancel_job(job.pk, "ada")
        assert take() == []


@pytest.mark.django_db(transaction=True)
def test_a_cancel_that_races_with_a_claim_is_one_or_the_other() -> None:
    for _ in range(15):
        job = record()
        consumer = make_consumer().pk

        def work(number: int, job: Job = job, consumer: Any = consumer) -> Any:
            return lifecycle.cancel_job(job.pk, "ada") if number else take(consumer=consumer)

        claims, answer = in_threads(2, work)
        job.refresh_from_db()
        if answer is CancelResult.CANCELLED:
            assert (claims, job.status, job.attempt) == ([], Status.CANCELLED, 0)
        else:
            assert (len(claims), job.status) == (1, Status.RUNNING)
            assert job.cancel_requested
            end(claims[0], AttemptOutcome.CANCELLED)
