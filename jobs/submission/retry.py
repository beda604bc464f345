"""Running a finished job again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import lifecycle
from jobs.catalog import find_task
from jobs.core.states import FINAL, Status
from jobs.models import Job

from .backlog import require_capacity
from .permissions import require_permission

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def retry_job(job: Job, user: AbstractBaseUser) -> None:
    """Put a failed or cancelled job back into its queue; consumers are notified after the commit.

    Raises:
        NotAllowed: the user may not submit jobs of this task.
        NotRetryable: it succeeded, has not finished, its task is gone, or another unfinished job
            has its unique key.
        LimitReached: its queue is full, or the user has too many unfinished jobs.
    """
    task = find_task(job.task)
    if task is not None:
        require_permission(task, user)
        if job.status in FINAL - {Status.SUCCEEDED}:  # of others the reason is a better one
            require_capacity(job.queue, user)
    lifecycle.requeue_job(job)
