"""A job as Django's ``TaskResult``."""

from __future__ import annotations

from typing import Any

from jobs.compat import Task, TaskError, TaskResult, TaskResultStatus
from jobs.core.states import COUNTED_FAILURES, AttemptOutcome, Status
from jobs.models import Job

STATUSES = {
    Status.SCHEDULED: TaskResultStatus.READY,
    Status.QUEUED: TaskResultStatus.READY,
    Status.RUNNING: TaskResultStatus.RUNNING,
    Status.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    Status.FAILED: TaskResultStatus.FAILED,
    Status.CANCELLED: TaskResultStatus.FAILED,
}


def task_result(
    job: Job,
    task: Task[..., Any],
    *,
    workers: list[str] | None = None,
    errors: list[TaskError] | None = None,
) -> TaskResult[Any]:
    """Return the job as the tasks framework shows it.

    READY is scheduled or queued, FAILED is failed or cancelled.
    """
    result: TaskResult[Any] = TaskResult(
        task=task,
        id=str(job.id),
        status=STATUSES[Status(job.status)],
        enqueued_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        last_attempted_at=job.started_at,
        args=job.args,
        kwargs=job.kwargs,
        backend=task.backend,
        errors=errors or [],
        worker_ids=workers or [],
    )
    object.__setattr__(result, "_return_value", job.result)
    return result


def stored_result(job: Job, task: Task[..., Any]) -> TaskResult[Any]:
    """Return the job with the consumers and errors of its attempts, read from the database."""
    attempts = list(job.attempts.order_by("number"))
    workers = [attempt.consumer for attempt in attempts]
    if job.status == Status.RUNNING:
        workers.append(str(job.consumer_id))
    return task_result(
        job,
        task,
        workers=workers,
        errors=[
            TaskError(exception_class_path=attempt.error_type, traceback=attempt.traceback)
            for attempt in attempts
            if attempt.outcome in COUNTED_FAILURES or attempt.outcome == AttemptOutcome.CANCELLED
        ],
    )
