"""``JobTask``: Django's ``Task`` with a title, an argument specification and job options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, Self, TypeVar

from django.apps import AppConfig, apps

from jobs.compat import TypedTask
from jobs.conf import get_conf
from jobs.errors import FieldError, InvalidOptions

from .option_values import attempts_error, seconds, timeout_error, unique_key_error
from .retry_policy import Exceptions, RetryPolicy
from .signature import ArgSpec

if TYPE_CHECKING:
    from jobs.submission.task_result import JobResult

P = ParamSpec("P")
T = TypeVar("T")

Executor = Literal["thread", "process"]


class Default(Enum):
    """A time limit that a task leaves to the deployment."""

    TIMEOUT = "JOBS['DEFAULT_TIMEOUT']"


DEFAULT: Final = Default.TIMEOUT
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
    time_limit: float | Default | None = DEFAULT
    executor: Executor = "thread"
    retry_on: Exceptions | None = None
    give_up_on: Exceptions | None = None
    permission: str | None = None
    unique_key: str = ""
    owner_id: Any = None

    if TYPE_CHECKING:
        # The base classes have these. Here are their types whatever stubs are installed.

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
        limit = self.time_limit
        return get_conf().default_timeout if isinstance(limit, Default) else limit

    def enqueue_many(self, many: Iterable[Mapping[str, Any]], /) -> list[str]:
        """Submit one job for each mapping of arguments: all of them or none; return their ids.

        Raises:
            InvalidArguments: one does not fit; the pointers begin with its number.
            InvalidOptions: the task has a ``unique_key``, which only one job could have.
            Unavailable: the database cannot take them now.
        """
        return self.get_backend().enqueue_many(self, many)  # type: ignore[attr-defined,no-any-return]

    def using(
        self,
        *,
        priority: int | None = None,
        queue_name: str | None = None,
        run_after: datetime | None = None,
        backend: str | None = None,
    ) -> Self:
        """Return a copy of the task with other options for its next jobs, as Django has them.

        Args:
            priority: -100 to 100, higher runs first.
            queue_name: a queue of the backend.
            run_after: the job does not run before this time.
            backend: an alias of ``TASKS``.

        Raises:
            InvalidTask: a value is not possible.
            InvalidTaskBackend: there is no such backend.
        """
        given = {
            "priority": priority,
            "queue_name": queue_name,
            "run_after": run_after,
            "backend": backend,
        }
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        changed = replace(self, **changes)
        # Not ``validate_task``: what is wrong in the declaration is for ``manage.py check`` to say.
        validate = getattr(changed.get_backend(), "validate_options", None)
        if validate is not None:
            validate(changed)
        return changed

    def options(
        self,
        *,
        max_attempts: int | None = None,
        unique_key: str | None = None,
        timeout: float | timedelta | Default | None = DEFAULT,
        owner: Any = None,
    ) -> Self:
        """Return a copy of the task with other options for its next jobs.

        Args:
            max_attempts: how many failures the job may have in all.
            unique_key: at most one unfinished job of this task, owner and key.
            timeout: seconds or a timedelta that an attempt may take, None for no limit.
            owner: the user whose job it is.

        Raises:
            InvalidOptions: a value is not possible.
        """
        errors: list[FieldError] = []
        changes: dict[str, Any] = {}
        if max_attempts is not None:
            changes["max_attempts"] = max_attempts
            _note(errors, "max_attempts", attempts_error(max_attempts))
        if unique_key is not None:
            changes["unique_key"] = unique_key
            _note(errors, "unique_key", unique_key_error(unique_key))
        if not isinstance(timeout, Default):
            changes["time_limit"] = seconds(timeout)
            _note(errors, "timeout", timeout_error(changes["time_limit"]))
        if owner is not None:
            changes["owner_id"] = getattr(owner, "pk", None)
            saved = changes["owner_id"] is not None
            _note(errors, "owner", None if saved else "It must be a user who is in the database.")
        if errors:
            raise InvalidOptions(errors)
        return replace(self, **changes)


def _note(errors: list[FieldError], name: str, sentence: str | None) -> None:
    if sentence is not None:
        errors.append({"pointer": f"/{name}", "detail": sentence})


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
