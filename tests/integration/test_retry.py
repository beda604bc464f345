"""A failed or cancelled job runs again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.errors import NotAllowed, NotRetryable
from jobs.models import Job
from jobs.submission import retry_job
from tests.factories import end, make_job, make_user, record, take_all, take_one
from tests.integration.api_tasks import SECRET
from tests.integration.recording_broker import RecordingBroker


@pytest.mark.django_db
class TestRetry:
    """The failures start at 0, the attempts are counted on."""

    @pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
    def test_failures_are_reset_and_attempts_counted_on(self, status: Status) -> None:
        job = make_job(
            status=status,
            attempt=3,
            failures=3,
            lost_count=1,
            error_type="E",
            error_message="m",
            progress_done=5,
            progress_total=9,
            progress_message="pages",
            progress_stage={"name": "Importing", "number": 2, "of": 3},
            warnings=["too old"],
            run_after=timezone.now() + timedelta(days=1),
            cancel_requested=True,
            cancelled_by="ada",
        )
        lifecycle.requeue_job(job)
        assert (job.status, job.attempt, job.failures, job.lost_count) == (Status.QUEUED, 3, 0, 0)
        assert (job.error_type, job.error_message, job.finished_at) == ("", "", None)
        assert (job.progress_done, job.cancel_requested, job.cancelled_by) == (None, False, "")
        assert (job.progress_total, job.progress_message, job.progress_stage) == (None, "", None)
        assert (job.warnings, job.run_after) == (None, None)
        assert job.version == 2
        assert take_one().attempt == 4

    def test_it_is_queued_behind_its_owners_waiting_jobs(self) -> None:
        ada = make_user()
        job = record(owner=ada)
        end(take_one(), AttemptOutcome.FAILED, final=True)
        waiting = [record(owner=ada) for _ in range(3)]
        job.refresh_from_db()
        lifecycle.requeue_job(job)
        assert [claim.id for claim in take_all()] == [*(one.pk for one in waiting), job.pk]

    @pytest.mark.parametrize(
        "status", [Status.SUCCEEDED, Status.QUEUED, Status.SCHEDULED, Status.RUNNING]
    )
    def test_a_job_of_another_status_cannot_run_again(self, status: Status) -> None:
        job = make_job(status=status)
        before = Job.objects.values().get()
        with pytest.raises(NotRetryable, match=str(status.label)):
            lifecycle.requeue_job(job)
        assert Job.objects.values().get() == before

    def test_a_task_that_left_the_code_cannot(self) -> None:
        job = make_job(status=Status.FAILED, task="gone.task", module_path="gone.tasks.task")
        with pytest.raises(NotRetryable, match="no longer in the code"):
            lifecycle.requeue_job(job)
        assert lifecycle.requeue_jobs([job.pk]) == set()
        job.refresh_from_db()
        assert job.status == Status.FAILED

    def test_a_task_that_has_moved_is_found_by_its_name(self) -> None:
        job = make_job(status=Status.FAILED, module_path="old.place.square")
        lifecycle.requeue_job(job)
        assert job.status == Status.QUEUED

    def test_an_unfinished_job_with_its_unique_key_prevents_it(self) -> None:
        job = make_job(status=Status.FAILED, unique_key="k", unique_slot="slot")
        other = make_job(unique_key="k", unique_slot="slot")
        with pytest.raises(NotRetryable, match="'k'"):
            lifecycle.requeue_job(job)
        end(take_one())
        other.refresh_from_db()
        assert other.is_finished
        lifecycle.requeue_job(job)
        assert job.status == Status.QUEUED

    @pytest.mark.usefixtures("api_tasks")
    def test_the_permission_is_checked_again(self, ada: User, chief: User) -> None:
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
