"""Django's tasks framework: ``django.tasks`` since Django 6.0, before that its backport.

All other modules import these names from here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, TypeVar

import django
from django.dispatch import Signal

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

_LOGGER: Final = logging.getLogger(Task.__module__.partition(".base")[0])
P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:

    class TypedTask(Task[P, T]):
        """A ``Task`` with the types of its function's parameters and result."""

else:

    class TypedTask(Task, Generic[P, T]):
        """A generic ``Task`` on either framework; only the backport's own is generic."""

        __slots__ = ()


def has_receivers(signal: Signal) -> bool:
    """Whether a signal of the framework has receivers that need a ``TaskResult``.

    The framework's own receiver only logs, at INFO at most unless a task fails. Making a result
    that nobody receives costs as much as everything else that a consumer does for a short task.
    """
    return len(signal.receivers) > 1 or _LOGGER.isEnabledFor(logging.ERROR)


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
    "has_receivers",
    "task",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
]
