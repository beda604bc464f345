"""``enqueued``: the jobs that wait, with their arguments as the task will get them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.catalog.registry import get_task, load_task
from jobs.catalog.task import JobTask
from jobs.compat import Task
from jobs.core.jsonutils import jsonable
from jobs.core.states import WAITING
from jobs.errors import InvalidArguments, UnknownTask
from jobs.models import Job
from jobs.submission.uploads import file_infos

if TYPE_CHECKING:
    from django.tasks import Task as DjangoTask

    AnyTask = Task[..., Any] | DjangoTask[..., Any]  # of ours, of the backport, of Django itself


@dataclass(frozen=True, slots=True)
class EnqueuedJob:
    """A job that waits.

    Attributes:
        task: its name.
        args: its arguments by name, of the types that the signature says.
        run_after: it does not run before this time; None for at once.
        job: its row.
    """

    task: str
    args: Mapping[str, Any]
    queue: str
    priority: int
    run_after: datetime | None
    job: Job

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.args.items())
        later = f", not before {self.run_after:%Y-%m-%d %H:%M:%S %z}" if self.run_after else ""
        return f"{self.task}({shown}) in {self.queue!r}, priority {self.priority}{later}"

    def differences(self, expected: Mapping[str, Any]) -> list[str]:
        """Return a sentence for each argument that is not as expected; others do not count."""
        return [
            f"{name} is {self.args.get(name)!r}, not {value!r}"
            for name, value in expected.items()
            if name not in self.args or not _equal(self.args[name], value)
        ]


def enqueued(task: AnyTask | str | None = None, /, **arguments: Any) -> list[EnqueuedJob]:
    """Return the jobs that wait, in the order in which they were enqueued.

    Args:
        task: only jobs of this task, or of the task of this name.
        arguments: only jobs with these arguments; others may have any value.

    Raises:
        UnknownTask: there is no task of this name.
        TypeError: the task has no argument of this name.
    """
    rows = Job.objects.filter(status__in=WAITING).order_by("id")
    if task is not None:
        found = named_task(task)
        require_arguments(found, arguments)
        rows = rows.filter(task=_stored_name(found))
    waiting = [_enqueued(job) for job in rows]
    return [one for one in waiting if not one.differences(arguments)]


def named_task(task: AnyTask | str) -> AnyTask:
    """Return the task of a name.

    Raises:
        UnknownTask: there is none; the error carries the nearest names.
    """
    if not isinstance(task, str):
        return task
    try:
        return load_task(task, task)
    except UnknownTask:
        return get_task(task)


def require_arguments(task: AnyTask, names: Mapping[str, Any]) -> None:
    """Check that the task has arguments of these names: a slip would match nothing.

    Raises:
        TypeError: it has not.
    """
    known = _parameters(task)
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values()):
        return
    for name in names:
        if name not in known:
            has = ", ".join(known) or "none"
            raise TypeError(f"{_stored_name(task)} has no argument {name!r}. It has: {has}.")


def _stored_name(task: AnyTask) -> str:
    return task.name if isinstance(task, JobTask) else task.module_path


def _parameters(task: AnyTask) -> dict[str, inspect.Parameter]:
    parameters = list(inspect.signature(task.func).parameters.values())
    return {one.name: one for one in parameters[1 if task.takes_context else 0 :]}


def _enqueued(job: Job) -> EnqueuedJob:
    return EnqueuedJob(job.task, _arguments(job), job.queue, job.priority, job.run_after, job)


def _arguments(job: Job) -> Mapping[str, Any]:
    try:
        task = load_task(job.task, job.module_path)
        if isinstance(task, JobTask):
            return task.spec.bind(job.kwargs, file_infos(job.pk))
    except (UnknownTask, InvalidArguments):
        return dict(job.kwargs)
    return {**dict(zip(_parameters(task), job.args, strict=False)), **job.kwargs}


def _equal(found: Any, expected: Any) -> bool:
    """Whether two values are equal, as the task gets them or as JSON data."""
    if found == expected:
        return True
    try:
        return bool(jsonable(found) == jsonable(expected))
    except (ValueError, TypeError):
        return False
