"""Django's signal ``task_enqueued``."""

from __future__ import annotations

from jobs.catalog.registry import AnyTask
from jobs.compat import Task, has_receivers, task_backends, task_enqueued
from jobs.models import Job

from .task_result import task_result


def send_task_enqueued(job: Job, task: AnyTask | Task[..., object]) -> None:
    """Send the signal for a job that has been inserted, if somebody listens."""
    if not has_receivers(task_enqueued):
        return
    # The job is inserted: a receiver that fails must not look like a refusal, after which the
    # caller would submit it again. Django logs what it raised.
    task_enqueued.send_robust(
        sender=type(task_backends[task.backend]), task_result=task_result(job, task)
    )
