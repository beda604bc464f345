"""Running a finished job again."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs import lifecycle
from jobs.catalog import find_task
from jobs.core.states import FINAL, Status
from jobs.errors import JobChanged
from jobs.models import Job

from .backlog import require_capacity
from .permissions import require_permission

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def retry_job(job: Job, user: AbstractBaseUser, versions: Collection[int] | None = None) -> None:
    """Put a failed or cancelled job back into its queue; consumers are notified after the commit.

    Args:
        job: the job.
        user: who runs it again.
        versions: only if the job is in one of these; None: whatever its version is.

    Raises:
        JobChanged: it is in another version.
        NotAllowed: the user may not submit jobs of this task.
        NotRetryable: it succeeded, has not finished, its task is gone, or another unfinished job
            has its unique key.
        LimitReached: its queue is full, or the user has too many unfinished jobs.
    """
    if versions is not None and job.version not in versions:
        raise JobChanged(job.etag)
    task = find_task(job.task)
    if task is not None:
        require_permission(task, user)
        if job.status in FINAL - {Status.SUCCEEDED}:  # of others the reason is a better one
            require_capacity(job.queue, user)
    lifecycle.requeue_job(job, versions)
