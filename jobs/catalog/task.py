"""``JobTask``: Django's ``Task`` with a title, an argument specification and job options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar

from django.apps import AppConfig, apps

from jobs.compat import TypedTask
from jobs.conf import get_conf

from .signature import ArgSpec

if TYPE_CHECKING:
    from jobs.submission.task_result import JobResult

P = ParamSpec("P")
T = TypeVar("T")

Executor = Literal["thread", "process"]
DEFAULT = -1.0
"""A timeout that stands for the deployment's default; None means that there is no limit."""
STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask(TypedTask[P, T]):
    """A task that can be submitted from forms, the API, commands and code.

    It is Django's ``Task`` with more fields, each hashable, as the tasks framework requires.
    ``time_limit`` is in seconds; ``permission`` is "app.codename" or "staff".
    """

    title: str = ""
    task_name: str = ""
    max_attempts: int = 3
    time_limit: float | None = DEFAULT
    executor: Executor = "thread"
    permission: str | None = None
    unique_key: str = ""
    owner_id: Any = None

    if TYPE_CHECKING:
        # The base classes have these. Here are their types whatever stubs are installed.

        def using(
            self,
            *,
            priority: int | None = None,
            queue_name: str | None = None,
            run_after: datetime | None = None,
            backend: str | None = None,
        ) -> Self: ...

        def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobResult[T]: ...
        async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobResult[T]: ...
        def get_result(self, result_id: str) -> JobResult[T]: ...
        async def aget_result(self, result_id: str) -> JobResult[T]: ...
        def call(self, *args: P.args, **kwargs: P.kwargs) -> T: ...
        async def acall(self, *args: P.args, **kwargs: P.kwargs) -> T: ...

    def __post_init__(self) -> None:
        """Skip Django's validation: ``manage.py check`` reports errors in a declaration."""

    @property
    def name(self) -> str:
        """``<app>.<function>``, unless the declaration names it."""
        return self.task_name or default_name(self.func)

    @property
    def spec(self) -> ArgSpec:
        """The arguments that the task accepts.

        Raises:
            BadSignature: the signature of the function cannot become a form.
        """
        return spec_of(self.func)

    @property
    def description(self) -> str:
        """The first paragraph of the function's docstring, as one line."""
        text = inspect.getdoc(self.func) or ""
        return " ".join(text.partition("\n\n")[0].split())

    @property
    def timeout(self) -> float | None:
        """The seconds an attempt may take; None if the declaration sets no limit."""
        return get_conf().default_timeout if self.time_limit == DEFAULT else self.time_limit

    def enqueue_many(self, many: Iterable[Mapping[str, Any]], /) -> list[str]:
        """Submit one job for each mapping of arguments: all of them or none; return their ids.

        Raises:
            InvalidArguments: one does not fit; the pointers begin with its number.
            InvalidOptions: the task has a ``unique_key``, which only one job could have.
            Unavailable: the database cannot take them now.
        """
        return self.get_backend().enqueue_many(self, many)  # type: ignore[attr-defined,no-any-return]

    def options(
        self,
        *,
        max_attempts: int | None = None,
        unique_key: str | None = None,
        timeout: float | None = DEFAULT,
        owner: Any = None,
    ) -> Self:
        """Return a copy of the task with other options for its next jobs.

        Args:
            max_attempts: how many failures the job may have in all.
            unique_key: at most one unfinished job of this task, owner and key.
            timeout: seconds an attempt may take, None for no limit.
            owner: the user whose job it is.
        """
        changes: dict[str, Any] = {}
        if max_attempts is not None:
            changes["max_attempts"] = max_attempts
        if unique_key is not None:
            changes["unique_key"] = unique_key
        if timeout != DEFAULT:
            changes["time_limit"] = timeout
        if owner is not None:
            changes["owner_id"] = owner.pk
        return replace(self, **changes)


_specs: dict[Callable[..., Any], ArgSpec] = {}


def spec_of(function: Callable[..., Any]) -> ArgSpec:
    """Return the argument specification of a function, built on first use.

    Raises:
        BadSignature: the signature cannot become one.
    """
    if function not in _specs:
        _specs[function] = ArgSpec(function)
    return _specs[function]


_names: dict[Callable[..., Any], str] = {}


def default_name(function: Callable[..., Any]) -> str:
    """Return ``<app label>.<function>``; outside an app, with the name of the top package."""
    if not apps.apps_ready:
        return _qualified_name(function, None)
    if function not in _names:
        _names[function] = _qualified_name(
            function, apps.get_containing_app_config(function.__module__)
        )
    return _names[function]


def _qualified_name(function: Callable[..., Any], app: AppConfig | None) -> str:
    label = app.label if app else function.__module__.partition(".")[0]
    return f"{label}.{function.__name__}"
