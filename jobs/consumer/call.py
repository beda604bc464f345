"""A task's function bound to its arguments, for a thread, the event loop or a child process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.utils import timezone

from jobs.catalog.context import JobContext, Reporter
from jobs.catalog.input_file import FileInfo
from jobs.catalog.task import JobTask
from jobs.compat import Task, TaskContext, TaskResult, TaskResultStatus
from jobs.lifecycle import Claim


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
    now = timezone.now()
    return TaskResult(
        task=task,
        id=str(claim.id),
        status=TaskResultStatus.RUNNING,
        enqueued_at=None,
        started_at=now,
        finished_at=None,
        last_attempted_at=now,
        args=claim.args,
        kwargs=claim.kwargs,
        backend=task.backend,
        errors=[],
        # The framework counts these to tell the attempt's number.
        worker_ids=[consumer] * claim.attempt,
    )
