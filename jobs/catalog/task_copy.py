"""Copies of tasks for results: how a job was enqueued, whatever is allowed today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from jobs.compat import BaseTaskBackend, Task, task_backends


def copy_of_task(task: Task[..., Any], **changes: Any) -> Task[..., Any]:
    """Return a copy of a task with other values in some fields, without validating it.

    ``dataclasses.replace`` would refuse a job whose queue has been removed from ``TASKS`` since.
    """
    copy = object.__new__(type(task))
    for field in fields(task):
        value = changes[field.name] if field.name in changes else getattr(task, field.name)
        object.__setattr__(copy, field.name, value)
    return copy


def backend_alias(task: Task[..., Any], queue: str) -> str:
    """Return the alias by which a job was enqueued, as well as its row can tell.

    It is the task's own if that backend makes jobs and has the job's queue, otherwise the first
    in ``TASKS`` of which that is true.
    """
    ours = list(_backends_of_jobs(task.backend))
    for alias, backend in ours:
        if not backend.queues or queue in backend.queues:
            return alias
    return ours[0][0] if ours else task.backend


def _backends_of_jobs(first: str) -> Iterator[tuple[str, BaseTaskBackend]]:
    for alias in dict.fromkeys((first, *task_backends.settings)):
        try:
            backend = task_backends[alias]
        except ImproperlyConfigured:
            continue  # it was removed, or cannot be imported: then it is not ours
        if getattr(backend, "makes_jobs", False):
            yield alias, backend
