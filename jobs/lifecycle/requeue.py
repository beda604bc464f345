"""Retry a failed or cancelled job."""

from __future__ import annotations

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import F

from jobs.brokers.registry import notify_after_commit
from jobs.catalog.registry import load_task
from jobs.core.db import connection
from jobs.core.states import Status
from jobs.errors import JobChanged, NotRetryable, UnknownTask
from jobs.models import Job

from .fair_position import next_fair_position
from .followers import follower


def requeue_job(job: Job, versions: Collection[int] | None = None) -> None:
    """Put a failed or cancelled job back into its queue, with a fresh budget of failures, and
    notify consumers once that is committed.

    Args:
        job: the job.
        versions: only if it is in one of these; None: whatever its version is.

    Raises:
        JobChanged: it is in another version.
        NotRetryable: it succeeded, has not finished, its task is gone, or another unfinished job
            has its unique key.
    """
    try:
        load_task(job.task, job.module_path)
    except UnknownTask as error:
        raise NotRetryable(f"The task {job.task!r} is no longer in the code.") from error
    try:
        with transaction.atomic(using=connection().alias):
            follower().keep_endings([job.pk])
            changed = _requeue(job, versions)
    except IntegrityError as error:
        raise NotRetryable(
            f"Another unfinished job has the same unique key, {job.unique_key!r}."
        ) from error
    job.refresh_from_db()
    if not changed:
        if versions is not None and job.version not in versions:
            raise JobChanged(job.etag)
        raise NotRetryable(
            f"Only a failed or cancelled job can run again; this one is {job.get_status_display()}."
        )
    notify_after_commit([(job.queue, job.id)])


def _requeue(job: Job, versions: Collection[int] | None) -> int:
    rows = Job.objects.filter(pk=job.pk, status__in=[Status.FAILED, Status.CANCELLED])
    return rows.in_versions(versions).update(
        status=Status.QUEUED,
        fair_position=next_fair_position(job),
        failures=0,
        lost_count=0,
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
        progress_stage=None,
        warnings=None,
        version=F("version") + 1,
    )
