"""A task's function bound to its arguments, for a thread, the event loop or a child process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone

from jobs.catalog.context import JobContext, Reporter
from jobs.catalog.input_file import FileInfo
from jobs.catalog.task import JobTask
from jobs.catalog.task_copy import backend_alias, copy_of_task
from jobs.compat import Task, TaskContext, TaskResult, TaskResultStatus
from jobs.core.db import as_time
from jobs.lifecycle import Claim
from jobs.submission.task_result import make_result


def bind_call(
    claim: Claim,
    task: Task[..., Any],
    reporter: Reporter,
    *,
    files: Mapping[str, FileInfo],
    consumer: str,
) -> partial[Any]:
    """Return the task's function with the arguments of a claim; nothing is called yet.

    Args:
        claim: has the arguments, as JSON data.
        task: a task of ours, or of Django's own kind.
        reporter: what the task's context reports to.
        files: the uploads that the arguments name, by id.
        consumer: host and process id, which Django's ``TaskResult`` shows.

    Raises:
        InvalidArguments: they no longer fit the task's signature.
    """
    context: list[Any] = []
    if isinstance(task, JobTask):
        kwargs = task.spec.bind(claim.kwargs, files)
        if task.takes_context:
            context = [_job_context(claim, task, reporter, consumer)]
        return partial(task.func, *context, **kwargs)
    if task.takes_context:
        context = [TaskContext(task_result=running_result(claim, task, consumer))]
    return partial(task.func, *context, *claim.args, **claim.kwargs)


def _job_context(
    claim: Claim, task: Task[..., Any], reporter: Reporter, consumer: str
) -> JobContext:
    return JobContext(
        job_id=claim.id,
        attempt=claim.attempt,
        reporter=reporter,
        task_result=running_result(claim, task, consumer),
    )


def running_result(claim: Claim, task: Task[..., Any], consumer: str) -> TaskResult[Any]:
    """Return a running job as Django's tasks framework shows it."""
    shown = copy_of_task(
        task,
        queue_name=claim.queue,
        priority=claim.priority,
        run_after=_time(claim.run_after),
        backend=backend_alias(task, claim.queue),
    )
    return make_result(
        shown,
        id=str(claim.id),
        status=TaskResultStatus.RUNNING,
        enqueued_at=_time(claim.created_at),
        started_at=claim.started_at,
        args=claim.args,
        kwargs=claim.kwargs,
        # The framework counts these to tell the attempt's number.
        workers=[consumer] * claim.attempt,
    )


def _time(value: datetime | str | None) -> datetime | None:
    """Convert a time of a claim, which Django's converter for SQLite leaves without a zone."""
    time = as_time(value)
    if time is None or not settings.USE_TZ or timezone.is_aware(time):
        return time
    return time.replace(tzinfo=UTC)
