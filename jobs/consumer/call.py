"""Calling a task's function: in a consumer's thread, on its event loop, or in a child process."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone

from jobs.catalog.context import JobContext, Reporter
from jobs.catalog.input_file import FileInfo
from jobs.catalog.task import JobTask
from jobs.compat import Task, TaskContext, TaskResult, TaskResultStatus
from jobs.lifecycle import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A claim as a run needs it: plain JSON data, so that a child process can get it."""

    job: str
    attempt: int
    task: str
    module_path: str
    args: list[Any]
    kwargs: dict[str, Any]
    files: Mapping[str, FileInfo]
    consumer: str

    @classmethod
    def of(cls, claim: Claim, files: Mapping[str, FileInfo], consumer: str) -> Order:
        """Return the order for a claim."""
        return cls(
            job=str(claim.id),
            attempt=claim.attempt,
            task=claim.task,
            module_path=claim.module_path,
            args=claim.args,
            kwargs=claim.kwargs,
            files=files,
            consumer=consumer,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, ready to be called."""

    function: Callable[..., Any]
    args: list[Any]
    kwargs: dict[str, Any]

    @property
    def is_coroutine(self) -> bool:
        """Whether calling it gives something to be awaited."""
        return inspect.iscoroutinefunction(self.function)

    def __call__(self) -> Any:
        """Call it."""
        return self.function(*self.args, **self.kwargs)


def prepare(order: Order, task: Task[..., Any], reporter: Reporter) -> Call:
    """Return the call for an order.

    Raises:
        InvalidArguments: they fit the task's signature no longer.
    """
    context: list[Any] = []
    if isinstance(task, JobTask):
        named = task.spec.bind(order.kwargs, order.files)
        if task.takes_context:
            context = [_job_context(order, reporter, task)]
        return Call(task.func, context, named)
    if task.takes_context:
        context = [TaskContext(task_result=running_result(order, task))]
    return Call(task.func, [*context, *order.args], dict(order.kwargs))


def _job_context(order: Order, reporter: Reporter, task: Task[..., Any]) -> JobContext:
    return JobContext(
        job_id=uuid.UUID(order.job),
        attempt=order.attempt,
        reporter=reporter,
        task_result=running_result(order, task),
    )


def running_result(order: Order, task: Task[..., Any]) -> TaskResult[Any]:
    """Return a running job as Django's tasks framework shows it."""
    now = timezone.now()
    return TaskResult(
        task=task,
        id=order.job,
        status=TaskResultStatus.RUNNING,
        enqueued_at=None,
        started_at=now,
        finished_at=None,
        last_attempted_at=now,
        args=order.args,
        kwargs=order.kwargs,
        backend=task.backend,
        errors=[],
        # The framework counts these to tell the attempt.
        worker_ids=[order.consumer] * order.attempt,
    )
