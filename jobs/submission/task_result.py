"""A job as Django's ``TaskResult``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, TypeVar

from jobs.catalog.task_copy import copy_of_task
from jobs.compat import Task, TaskError, TaskResultStatus, TypedTaskResult
from jobs.core.states import COUNTED_FAILURES, AttemptOutcome, Status
from jobs.models import Attempt, Job

from .attempt_errors import attempt_error
from .result_value import ResultFile, result_value

T = TypeVar("T")

STATUSES: Final = {
    Status.SCHEDULED: TaskResultStatus.READY,
    Status.QUEUED: TaskResultStatus.READY,
    Status.RUNNING: TaskResultStatus.RUNNING,
    Status.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    Status.FAILED: TaskResultStatus.FAILED,
    Status.CANCELLED: TaskResultStatus.FAILED,
}
SHOWN: Final = COUNTED_FAILURES | {AttemptOutcome.CANCELLED}
"""The outcomes of attempts that are errors of the job; not those that cost it nothing."""


class JobResult(TypedTaskResult[T]):
    """Django's ``TaskResult`` of a job: what ``enqueue`` and ``get_result`` return."""

    __slots__ = ()

    @property
    def return_value(self) -> T:
        """What the task returned, as JSON data.

        A value that was too large for the job's row is read from the storage now.

        Raises:
            ValueError: the job has not succeeded, or not yet.
            ResultFileMissing: the value was in a file, which was deleted.
        """
        # Not ``super()`` without arguments: the base is a dataclass with slots.
        value: Any = TypedTaskResult.return_value.__get__(self)
        if isinstance(value, ResultFile):
            value = value.load()
            object.__setattr__(self, "_return_value", value)
        return value  # type: ignore[no-any-return]


def task_result(
    job: Job,
    task: Task[..., Any],
    *,
    workers: Iterable[str] = (),
    errors: Iterable[TaskError] = (),
) -> JobResult[Any]:
    """Return the job as the tasks framework shows it.

    READY is scheduled or queued, FAILED is failed or cancelled.

    Args:
        job: the job as its row is.
        task: its task, as the result is to show it (see ``task_of``).
        workers: the consumers of its attempts.
        errors: what went wrong in them.
    """
    return make_result(
        task,
        id=str(job.id),
        status=STATUSES[Status(job.status)],
        enqueued_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        args=job.args,
        kwargs=job.kwargs,
        errors=errors,
        workers=workers,
        value=job.result,
    )


def make_result(  # noqa: PLR0913  (what Django's class takes)
    task: Task[..., Any],
    *,
    id: str,  # noqa: A002  (the framework's name)
    status: TaskResultStatus,
    enqueued_at: datetime | None,
    started_at: datetime | None,
    finished_at: datetime | None = None,
    args: list[Any],
    kwargs: dict[str, Any],
    errors: Iterable[TaskError] = (),
    workers: Iterable[str] = (),
    value: Any = None,
) -> JobResult[Any]:
    """Return a ``TaskResult`` of these values."""
    made: Any = JobResult
    result: JobResult[Any] = made(
        task=task,
        id=id,
        status=status,
        enqueued_at=enqueued_at,
        started_at=started_at,
        finished_at=finished_at,
        last_attempted_at=started_at,
        args=args,
        kwargs=kwargs,
        backend=task.backend,
        errors=list(errors),
        worker_ids=list(workers),
    )
    object.__setattr__(result, "_return_value", value)
    return result


def task_of(job: Job, task: Task[..., Any], backend: str) -> Task[..., Any]:
    """Return the task with what ``using`` and ``options`` had changed when the job was enqueued.

    Args:
        job: the job.
        task: the task as it is declared.
        backend: the alias that the result is read by; the row does not know which one was used.
    """
    values: dict[str, Any] = {
        "priority": job.priority,
        "queue_name": job.queue,
        "run_after": job.run_after,
        "backend": backend,
    }
    if hasattr(task, "max_attempts"):
        values |= {
            "max_attempts": job.max_attempts,
            "unique_key": job.unique_key,
            "owner_id": job.owner_id,
        }
        if job.timeout != task.timeout:  # type: ignore[attr-defined]
            values["time_limit"] = job.timeout
    return copy_of_task(task, **values)


def stored_result(job: Job, task: Task[..., Any], backend: str) -> JobResult[Any]:
    """Return the job with the consumers and errors of its attempts, read from the database."""
    result = result_of_rows(job, task_of(job, task, backend), job.attempts.order_by("number"))
    object.__setattr__(result, "_return_value", result_value(job))
    return result


def result_of_rows(job: Job, task: Task[..., Any], attempts: Iterable[Attempt]) -> JobResult[Any]:
    """Return the job with the consumers and errors of its attempts, the first one first."""
    ended = list(attempts)
    workers = [attempt.consumer for attempt in ended]
    if job.status == Status.RUNNING:
        workers.append(str(job.consumer_id))
    errors = [
        attempt_error(attempt.error_type, attempt.message, attempt.traceback)
        for attempt in ended
        if attempt.outcome in SHOWN
    ]
    if job.status == Status.CANCELLED and not errors:
        # Nothing ran when it was cancelled, or what ran had been handed back.
        errors = [attempt_error(job.error_type, job.error_message, "")]
    return task_result(job, task, workers=workers, errors=errors)
