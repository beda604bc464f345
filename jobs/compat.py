"""Django's tasks framework: ``django.tasks`` since Django 6.0, its backport before.

Everything else imports these names from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

import django

if TYPE_CHECKING or django.VERSION < (6, 0):
    from django_tasks import TaskContext, TaskResult, TaskResultStatus, task, task_backends
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import Task, TaskError
    from django_tasks.exceptions import InvalidTaskError as InvalidTask
    from django_tasks.exceptions import TaskResultDoesNotExist
    from django_tasks.signals import task_enqueued, task_finished, task_started
else:
    from django.tasks import TaskContext, TaskResult, TaskResultStatus, task, task_backends
    from django.tasks.backends.base import BaseTaskBackend
    from django.tasks.base import Task, TaskError
    from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
    from django.tasks.signals import task_enqueued, task_finished, task_started

P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:

    class TypedTask(Task[P, T]):
        """A ``Task`` that knows its function's parameters and result."""

else:

    class TypedTask(Task, Generic[P, T]):
        """Only the backport's ``Task`` is generic; this is so on either."""

        __slots__ = ()


__all__ = [
    "BaseTaskBackend",
    "InvalidTask",
    "Task",
    "TaskContext",
    "TaskError",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultStatus",
    "TypedTask",
    "task",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
]
