"""The decorator ``@job``: a typed function becomes a task with a title, a form and a schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Coroutine
from dataclasses import fields
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from .arguments import humanise
from .callables import as_function
from .context import JobContext
from .option_values import seconds
from .registry import register
from .retry_policy import as_classes
from .signature import CONTEXT_PARAMETER
from .task import DEFAULT, Default, Executor, JobTask

P = ParamSpec("P")
T = TypeVar("T")

OPTIONS = frozenset(
    {
        "title",
        "queue",
        "name",
        "priority",
        "max_attempts",
        "timeout",
        "executor",
        "retry_on",
        "give_up_on",
        "permission",
        "backend",
    }
)


class Declare(Protocol):
    """``@job(...)`` with its options: what makes the function a task."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[JobContext, P], Coroutine[Any, Any, T]], /
    ) -> JobTask[P, T]: ...

    @overload
    def __call__(self, function: Callable[Concatenate[JobContext, P], T], /) -> JobTask[P, T]: ...

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> JobTask[P, T]: ...

    @overload
    def __call__(self, function: Callable[P, T], /) -> JobTask[P, T]: ...


# Callers of ``enqueue`` do not pass the context, and a coroutine's value is what it returns; hence
# four overloads.
@overload
def job(
    function: Callable[Concatenate[JobContext, P], Coroutine[Any, Any, T]], /
) -> JobTask[P, T]: ...


@overload
def job(function: Callable[Concatenate[JobContext, P], T], /) -> JobTask[P, T]: ...


@overload
def job(function: Callable[P, Coroutine[Any, Any, T]], /) -> JobTask[P, T]: ...


@overload
def job(function: Callable[P, T], /) -> JobTask[P, T]: ...


@overload
def job(
    *,
    title: str = "",
    queue: str = "default",
    name: str = "",
    priority: int = 0,
    max_attempts: int = 3,
    timeout: float | timedelta | Default | None = DEFAULT,
    executor: Executor = "thread",
    retry_on: type[BaseException] | Collection[type[BaseException]] | None = None,
    give_up_on: type[BaseException] | Collection[type[BaseException]] | None = None,
    permission: str | None = None,
    backend: str = "default",
) -> Declare: ...


def job(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a task that can be submitted by people, programs and code.

    Args:
        function: the typed function; a first parameter named ``context`` receives a
            ``JobContext``.
        options: ``title`` (for people), ``queue``, ``name`` (default ``<app>.<function>``),
            ``priority`` (-100 to 100, higher first), ``max_attempts`` (failures allowed),
            ``timeout`` (seconds or a timedelta that an attempt may take, None for no limit),
            ``executor`` ("thread" for I/O, "process" for computing), ``retry_on`` and
            ``give_up_on`` (exception classes: only these are retried; these are not),
            ``permission`` ("app.codename", or "staff"), ``backend`` (an alias of ``TASKS``).

    Nothing is raised at import: ``manage.py check`` reports errors in a declaration.
    """

    def declare(function: Callable[..., Any]) -> JobTask[Any, Any]:
        unknown = sorted(options.keys() - OPTIONS)
        task = _task(function, {k: v for k, v in options.items() if k in OPTIONS})
        register(task, unknown)
        return task

    return declare(function) if function is not None else declare


def _task(given: Callable[..., Any], options: dict[str, Any]) -> JobTask[Any, Any]:
    function = as_function(given)
    parameters = list(inspect.signature(function).parameters)
    renamed = {"queue": "queue_name", "name": "task_name", "timeout": "time_limit"}
    values = {renamed.get(key, key): value for key, value in options.items()}
    if "time_limit" in values:
        values["time_limit"] = seconds(values["time_limit"])
    for key in values.keys() & {"retry_on", "give_up_on"}:
        values[key] = as_classes(values[key])
    values.setdefault("title", humanise(getattr(function, "__name__", "task")))
    known = {field.name for field in fields(JobTask)}
    return JobTask(
        func=function,
        takes_context=parameters[:1] == [CONTEXT_PARAMETER],
        **{key: value for key, value in values.items() if key in known},
    )
