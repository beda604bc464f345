"""``JobTask``: Django's ``Task`` with a title, an argument specification and job options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, ParamSpec, Self, TypeVar

from django.apps import AppConfig, apps

from jobs.compat import TypedTask
from jobs.conf import get_conf

from .retry_policy import Exceptions, RetryPolicy
from .signature import ArgSpec

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
    retry_on: Exceptions | None = None
    give_up_on: Exceptions | None = None
    permission: str | None = None
    unique_key: str = ""
    owner_id: Any = None

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
    def retry_policy(self) -> RetryPolicy:
        """Which exceptions are worth another attempt."""
        return RetryPolicy(self.retry_on, self.give_up_on)

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
