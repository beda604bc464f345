"""What people ask of a job: cancel it, run it again."""

from __future__ import annotations

import uuid
from enum import Enum, auto

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from ..catalog.registry import load_task
from ..errors import NotCancellable, NotRetryable, UnknownTask
from ..models import Job
from ..states import WAITING, Status
from .schedule import turn_of
from .sql import connection


class CancelAnswer(Enum):
    """What a cancel did."""

    CANCELLED = auto()
    ASKED = auto()


def cancel(job_id: uuid.UUID, by: str) -> CancelAnswer:
    """Cancel a waiting job at once; ask a running one to stop.

    Raises:
        Job.DoesNotExist: there is no such job.
        NotCancellable: it has finished.
    """
    # A job can start, fail and wait again between two looks, but not for ever.
    for _ in range(100):
        if _cancel_waiting(job_id, by):
            return CancelAnswer.CANCELLED
        running = Job.objects.filter(pk=job_id, status=Status.RUNNING)
        if running.filter(cancel_requested=False).update(
            cancel_requested=True, cancelled_by=by, version=F("version") + 1
        ):
            return CancelAnswer.ASKED
        job = Job.objects.only("status", "cancel_requested").get(pk=job_id)
        if job.status == Status.CANCELLED:
            return CancelAnswer.CANCELLED
        if job.is_finished:
            raise NotCancellable(f"This job has finished: {job.get_status_display()}.")
        if job.status == Status.RUNNING:
            return CancelAnswer.ASKED
    raise NotCancellable("This job changes too fast to be cancelled. Try again.")


def _cancel_waiting(job_id: uuid.UUID, by: str) -> int:
    return Job.objects.filter(pk=job_id, status__in=WAITING).update(
        status=Status.CANCELLED,
        cancel_requested=True,
        cancelled_by=by,
        finished_at=timezone.now(),
        error_type="Cancelled",
        error_message=f"cancelled by {by}",
        version=F("version") + 1,
    )


def retry(job: Job) -> None:
    """Put a failed or cancelled job back into its queue, with a fresh budget of failures.

    Raises:
        NotRetryable: it succeeded, has not finished, its task is gone, or another unfinished job
            has its unique key.
    """
    try:
        load_task(job.task, job.module_path)
    except UnknownTask as error:
        raise NotRetryable(f"The task {job.task!r} is no longer in the code.") from error
    try:
        with transaction.atomic(using=connection().alias):
            changed = _requeue(job)
    except IntegrityError as error:
        raise NotRetryable(
            f"Another unfinished job has the same unique key, {job.unique_key!r}."
        ) from error
    job.refresh_from_db()
    if not changed:
        raise NotRetryable(
            f"Only a failed or cancelled job can run again; this one is {job.get_status_display()}."
        )


def _requeue(job: Job) -> int:
    return Job.objects.filter(pk=job.pk, status__in=[Status.FAILED, Status.CANCELLED]).update(
        status=Status.QUEUED,
        turn=turn_of(job),
        failures=0,
        losses=0,
        cancel_requested=False,
        cancelled_by="",
        error_type="",
        error_message="",
        result=None,
        run_after=None,
        finished_at=None,
        progress_done=None,
        progress_total=None,
        progress_message="",
        version=F("version") + 1,
    )
