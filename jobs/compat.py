"""Django's tasks framework: ``django.tasks`` since Django 6.0, before that its backport.

All other modules import these names from here.

A type checker does not know which version of Django runs. For it the base classes of our task and
its result belong to both frameworks, so that what a project annotates with the names of its own
one fits. Where ``django.tasks`` has no types (mypy without stubs) that base is ``Any``. The context
must not have such a base: it would pass for the first parameter of any function.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, TypeVar

import django
from django.dispatch import Signal

if TYPE_CHECKING:
    from django.tasks import Task as _DjangoTask
    from django.tasks import TaskResult as _DjangoResult
    from django.tasks import TaskResultStatus as _DjangoStatus

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

FRAMEWORK_LOGGER: Final = logging.getLogger(Task.__module__.partition(".base")[0])
P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:

    class TypedTask(_DjangoTask, Task[P, T]):  # type: ignore[misc, type-arg]
        """A ``Task`` with the types of its function's parameters and result."""

    class TypedTaskResult(_DjangoResult, TaskResult[T]):  # type: ignore[misc, type-arg]
        """A ``TaskResult`` with the type of its value."""

        # Each is compared with the members of one of them.
        status: _DjangoStatus | TaskResultStatus  # type: ignore[assignment]

else:

    class TypedTask(Task, Generic[P, T]):
        """A generic ``Task`` on either framework; only the backport's own is generic."""

        __slots__ = ()

    class TypedTaskResult(TaskResult, Generic[T]):
        """A generic ``TaskResult`` on either framework."""

        __slots__ = ()


def has_receivers(signal: Signal, level: int = logging.ERROR) -> bool:
    """Whether a signal of the framework has receivers that need a ``TaskResult``.

    The framework's own receiver only logs. Making a result that nobody receives costs as much as
    everything else that a consumer does for a short task.

    Args:
        signal: one of the three.
        level: how the framework's receiver would log it.
    """
    return has_other_receivers(signal) or FRAMEWORK_LOGGER.isEnabledFor(level)


def has_other_receivers(signal: Signal) -> bool:
    """Whether a signal of the framework has receivers beside the framework's own."""
    return len(signal.receivers) > 1


__all__ = [
    "FRAMEWORK_LOGGER",
    "BaseTaskBackend",
    "InvalidTask",
    "Task",
    "TaskContext",
    "TaskError",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultStatus",
    "TypedTask",
    "TypedTaskResult",
    "has_other_receivers",
    "has_receivers",
    "task",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
]
