"""What people ask of a job: cancel it, run it again; and when it is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import FINAL, WAITING, AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.errors import NotAllowed, NotCancellable, NotRetryable
from jobs.lifecycle import CancelResult
from jobs.models import Job
from jobs.submission import retry_job
from tests.factories import (
    end,
    make_consumer,
    make_job,
    make_user,
    record,
    take,
    take_all,
    take_one,
)
from tests.integration.api_tasks import SECRET
from tests.integration.recording_broker import RecordingBroker
from tests.threads import in_threads


@pytest.mark.django_db
class TestCancel:
    """Waiting: at once. Running: it is asked. Finished: no."""

    @pytest.mark.parametrize("status", sorted(WAITING))
    def test_what_waits_is_cancelled_at_once(self, status: Status) -> None:
        job = make_job(status=status)
        assert lifecycle.cancel_job(job.pk, "ada") is CancelResult.CANCELLED
        job.refresh_from_db()
        assert (job.status, job.cancelled_by) == (Status.CANCELLED, "ada")
        assert (job.error_type, job.error_message) == ("Cancelled", "cancelled by ada")
        assert job.finished_at is not None
        assert job.version == 2
        assert lifecycle.cancel_job(job.pk, "bob") is CancelResult.CANCELLED
        assert Job.objects.get().cancelled_by == "ada"

    def test_what_runs_is_asked_once(self) -> None:
        consumer = make_consumer().pk
        job = record()
        take_one(consumer=consumer)
        assert lifecycle.requested_cancels(consumer) == {}
        assert lifecycle.cancel_job(job.pk, "ada") is CancelResult.ASKED
        assert lifecycle.requested_cancels(consumer) == {job.pk: "ada"}
        version = Job.objects.get().version
        assert lifecycle.cancel_job(job.pk, "bob") is CancelResult.ASKED
        assert lifecycle.requested_cancels(consumer) == {job.pk: "ada"}
        job.refresh_from_db()
        assert (job.status, job.version) == (Status.RUNNING, version)
        assert lifecycle.requested_cancels(make_consumer().pk) == {}

    @pytest.mark.parametrize("status", sorted(FINAL - {Status.CANCELLED}))
    def test_what_has_finished_cannot_be_cancelled(self, status: Status) -> None:
        job = make_job(status=status)
        with pytest.raises(NotCancellable, match=str(status.label)):
            lifecycle.cancel_job(job.pk, "ada")
        assert Job.objects.values().get() == Job.objects.filter(pk=job.pk).values()[0]
        assert not Job.objects.get().cancel_requested

    def test_a_job_that_is_not_there(self) -> None:
        with pytest.raises(Job.DoesNotExist):
            lifecycle.cancel_job(uuid7(), "ada")

    def test_a_cancelled_job_is_not_taken(self) -> None:
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


@pytest.mark.django_db
class TestRunAgain:
    """Failed and cancelled jobs start anew, with their attempts counted on."""

    @pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
    def test_a_fresh_budget_and_the_old_count(self, status: Status) -> None:
        job = make_job(
            status=status,
            attempt=3,
            failures=3,
            lost_count=1,
            error_type="E",
            error_message="m",
            progress_done=5,
            cancel_requested=True,
            cancelled_by="ada",
        )
        lifecycle.requeue(job)
        assert (job.status, job.attempt, job.failures, job.lost_count) == (Status.QUEUED, 3, 0, 0)
        assert (job.error_type, job.error_message, job.finished_at) == ("", "", None)
        assert (job.progress_done, job.cancel_requested, job.cancelled_by) == (None, False, "")
        assert job.version == 2
        assert take_one().attempt == 4

    def test_it_goes_behind_what_its_owner_has_waiting(self) -> None:
        ada = make_user()
        job = record(owner=ada)
        end(take_one(), AttemptOutcome.FAILED, final=True)
        waiting = [record(owner=ada) for _ in range(3)]
        job.refresh_from_db()
        lifecycle.requeue(job)
        assert [claim.id for claim in take_all()] == [*(one.pk for one in waiting), job.pk]

    @pytest.mark.parametrize(
        "status", [Status.SUCCEEDED, Status.QUEUED, Status.SCHEDULED, Status.RUNNING]
    )
    def test_others_cannot(self, status: Status) -> None:
        job = make_job(status=status)
        before = Job.objects.values().get()
        with pytest.raises(NotRetryable, match=str(status.label)):
            lifecycle.requeue(job)
        assert Job.objects.values().get() == before

    def test_a_task_that_left_the_code_cannot(self) -> None:
        job = make_job(status=Status.FAILED, task="gone.task", module_path="gone.tasks.task")
        with pytest.raises(NotRetryable, match="no longer in the code"):
            lifecycle.requeue(job)
        job.refresh_from_db()
        assert job.status == Status.FAILED

    def test_a_task_that_has_moved_is_found_by_its_name(self) -> None:
        job = make_job(status=Status.FAILED, module_path="old.place.square")
        lifecycle.requeue(job)
        assert job.status == Status.QUEUED

    def test_another_with_its_unique_key_is_in_the_way(self) -> None:
        job = make_job(status=Status.FAILED, unique_key="k", unique_slot="slot")
        other = make_job(unique_key="k", unique_slot="slot")
        with pytest.raises(NotRetryable, match="'k'"):
            lifecycle.requeue(job)
        end(take_one())
        other.refresh_from_db()
        assert other.is_finished
        lifecycle.requeue(job)
        assert job.status == Status.QUEUED

    @pytest.mark.usefixtures("api_tasks")
    def test_the_permission_is_asked_for_again(self, ada: User, chief: User) -> None:
        job = make_job(status=Status.FAILED, task=SECRET, owner=ada)
        with pytest.raises(NotAllowed):
            retry_job(job, ada)
        retry_job(job, chief)
        assert job.status == Status.QUEUED

    def test_consumers_are_notified_after_the_commit(
        self,
        ada: User,
        broker: RecordingBroker,
        django_capture_on_commit_callbacks: Callable[..., Any],
    ) -> None:
        job = make_job(status=Status.FAILED)
        with django_capture_on_commit_callbacks(execute=True):
            retry_job(job, ada)
            assert broker.notified == []
        assert broker.notified == [("default", job.pk)]


@pytest.mark.django_db
class TestDue:
    """Scheduled jobs wait for their time and then take their turn."""

    def test_only_what_is_due_is_queued(self) -> None:
        now = timezone.now()
        due = make_job(status=Status.SCHEDULED, run_after=now)
        later = make_job(status=Status.SCHEDULED, run_after=now + timedelta(seconds=1))
        assert lifecycle.next_due() == now
        assert lifecycle.promote_due(now) == 1
        due.refresh_from_db()
        later.refresh_from_db()
        assert (due.status, later.status) == (Status.QUEUED, Status.SCHEDULED)
        assert due.version == 2
        assert lifecycle.next_due() == later.run_after
        assert lifecycle.promote_due(now) == 0

    def test_nothing_is_due_when_nothing_is_scheduled(self) -> None:
        make_job()
        assert lifecycle.next_due() is None
        assert lifecycle.promote_due(timezone.now()) == 0

    def test_they_take_turns_with_those_of_other_owners(self) -> None:
        ada, bob = make_user("ada"), make_user("bob")
        now = timezone.now()
        past = now - timedelta(minutes=1)
        hers = [make_job(status=Status.SCHEDULED, run_after=past, owner=ada) for _ in range(4)]
        his = [record(owner=bob) for _ in range(4)]
        assert lifecycle.promote_due(now) == 4
        order = [claim.owner_id for claim in take_all()]
        assert {order[0], order[1]} == {order[2], order[3]} == {ada.pk, bob.pk}
        assert len(hers) == len(his)

    def test_those_that_came_due_first_go_first(self) -> None:
        now = timezone.now()
        second, first = (
            make_job(status=Status.SCHEDULED, run_after=now - timedelta(seconds=age))
            for age in (1, 2)
        )
        lifecycle.promote_due(now)
        assert [claim.id for claim in take_all()] == [first.pk, second.pk]

    def test_one_that_is_cancelled_meanwhile_stays_cancelled(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from jobs.lifecycle import promote

        now = timezone.now()
        job = make_job(status=Status.SCHEDULED, run_after=now)

        def cancelled_first(found: Job) -> int:
            lifecycle.cancel_job(found.pk, "ada")
            return 0

        monkeypatch.setattr(promote, "next_fair_position", cancelled_first)
        assert lifecycle.promote_due(now) == 0
        job.refresh_from_db()
        assert job.status == Status.CANCELLED

    def test_a_chunk_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jobs.lifecycle import promote

        monkeypatch.setattr(promote, "CHUNK", 2)
        now = timezone.now()
        for _ in range(3):
            make_job(status=Status.SCHEDULED, run_after=now)
        assert [lifecycle.promote_due(now) for _ in range(3)] == [2, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_a_job_comes_due_once() -> None:
    now = timezone.now()
    for _ in range(20):
        make_job(status=Status.SCHEDULED, run_after=now)

    def work(number: int) -> int:
        with transaction.atomic():
            return lifecycle.promote_due(now)

    assert sum(in_threads(4, work)) == 20
    assert set(Job.objects.values_list("version", flat=True)) == {2}
