"""After the commit: ring the broker and send Django's signal."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from jobs import brokers
from jobs.catalog.registry import AnyTask
from jobs.compat import Task, has_receivers, task_backends, task_enqueued
from jobs.core.db import connection
from jobs.core.states import Status
from jobs.models import Job

from .task_result import task_result

SOON: Final = timedelta(seconds=3)
"""An idle consumer asks every two seconds what is due next: of less than that it must be told."""


def notify_submitted(job: Job, task: AnyTask | Task[..., object], *, ring: bool = True) -> None:
    """Tell consumers and listeners of a job, once its row is committed."""
    if has_receivers(task_enqueued):
        send_enqueued(job, task)
    if ring and (job.status == Status.QUEUED or _is_due_soon(job)):
        transaction.on_commit(lambda: brokers.notify(job.queue, job.id), using=connection().alias)


def send_enqueued(job: Job, task: AnyTask | Task[..., object]) -> None:
    """Send Django's signal."""
    # The job is recorded: a listener that fails must not look like a refusal, which would be sent
    # again. Django logs what it raised.
    task_enqueued.send_robust(
        sender=type(task_backends[task.backend]), task_result=task_result(job, task)
    )


def _is_due_soon(job: Job) -> bool:
    return job.run_after is not None and job.run_after - timezone.now() < SOON
