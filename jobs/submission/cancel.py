"""Cancelling jobs, and Django's signal for one that ends by that."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from django.db import transaction

from jobs import lifecycle
from jobs.core.db import connection
from jobs.lifecycle import CancelResult

from .signals import send_task_cancelled


def cancel_job(job_id: uuid.UUID, by: str, versions: Collection[int] | None = None) -> CancelResult:
    """Cancel a waiting job at once; ask a running one to stop.

    ``task_finished`` is sent once a waiting job's cancel is committed; for a running job its
    consumer sends it.

    Args:
        job_id: the job.
        by: the name of the user who cancels, for the job's error message.
        versions: only if the job is in one of these; None: whatever its version is.

    Returns:
        CANCELLED, also if it was cancelled before, or ASKED.

    Raises:
        Job.DoesNotExist: there is no such job.
        JobChanged: it is in another version.
        NotCancellable: it has finished.
    """
    result = lifecycle.cancel_job(job_id, by, versions)
    if result is CancelResult.ALREADY_CANCELLED:
        return CancelResult.CANCELLED
    if result is CancelResult.CANCELLED:
        _send_after_commit(job_id)
    return result


def cancel_waiting_jobs(job_ids: Sequence[uuid.UUID], by: str) -> list[uuid.UUID]:
    """Cancel those of the jobs that wait, in one statement; return which.

    Args:
        job_ids: some hundreds at most. ``cancel_job`` is for those that are not returned.
        by: the name of the user who cancels.
    """
    cancelled = lifecycle.cancel_waiting_jobs(job_ids, by)
    for job_id in cancelled:
        _send_after_commit(job_id)
    return cancelled


def _send_after_commit(job_id: uuid.UUID) -> None:
    def send() -> None:  # no ``partial``: Django 5.2 logs the name of one that raises
        send_task_cancelled(job_id)

    # robust: the job is cancelled, whatever the signal meets.
    transaction.on_commit(send, using=connection().alias, robust=True)
