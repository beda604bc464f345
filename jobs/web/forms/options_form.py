"""The options beside a task's arguments: the part of the form under *More options*."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.http import QueryDict

from jobs.catalog.arguments import Argument
from jobs.catalog.registry import AnyTask
from jobs.compat import task_backends
from jobs.core.rights import CHANGE_JOBS, has_right
from jobs.core.users import email_address
from jobs.errors import InvalidOptions
from jobs.models import Job
from jobs.submission import SubmitOptions

from .fields import OMITTED
from .task_form import field_for

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOTIFY: Final = "notify"
PREFIX = "option"
"""With the hyphen after it, it cannot be the beginning of an argument's name."""


class OptionsForm(forms.Form):
    """Queue, priority, time, attempts and key; after ``is_valid`` they are in ``options``, and
    ``wants_email`` tells whether an e-mail is asked for.

    Args:
        task: the task, whose values are the defaults.
        owner: who submits: users who are not staff may only lower the task's values.
        data: what was sent, if anything was.
        source: a job whose options are shown at first.
    """

    use_required_attribute = False

    def __init__(
        self,
        task: AnyTask,
        owner: User,
        *,
        data: QueryDict | None = None,
        source: Job | None = None,
    ) -> None:
        super().__init__(data, prefix=PREFIX)
        self.options = SubmitOptions()
        self.wants_email = False
        self.defaults: dict[str, Any] = {}
        defaults, initial = _values(task, None), _values(task, source)
        for argument in _arguments(task, owner):
            name, field = argument.name, field_for(argument, owner)
            self.fields[name] = field
            self.initial[name] = field.display_value(initial[name])
            self.defaults[name] = field.display_value(defaults[name]) or ""

    @property
    def is_open(self) -> bool:
        """Whether to show it at once: it has an error, or a value that is not the task's."""
        return bool(self.errors) or any(
            (self[name].value() or "") != default for name, default in self.defaults.items()
        )

    def clean(self) -> dict[str, Any]:
        """Turn texts into values; ``submit_job`` checks their bounds."""
        given = {key: one for key, one in self.cleaned_data.items() if one is not OMITTED}
        self.wants_email = bool(given.pop(NOTIFY, False))
        for name in ("priority", "max_attempts"):
            if name in given:
                self._convert(name, given, int, "It must be a whole number.")
        if "run_after" in given:
            self._convert("run_after", given, datetime.fromisoformat, "It must be a date and time.")
        if not self.errors:
            self.options = SubmitOptions(**given)
        return given

    def add_errors(self, error: InvalidOptions) -> None:
        """Add each error to its field."""
        for one in error.errors:
            name = one["pointer"].removeprefix("/")
            self.add_error(name if name in self.fields else None, one["detail"])

    def _convert(
        self, name: str, given: dict[str, Any], convert: Callable[[str], Any], detail: str
    ) -> None:
        try:
            given[name] = convert(given[name])
        except ValueError:
            self.add_error(name, detail)


def _values(task: AnyTask, job: Job | None) -> dict[str, Any]:
    """Return the options of a job, or else of the task."""
    source: Any = job if job is not None else task
    return {
        "queue": job.queue if job is not None else task.queue_name,
        "priority": source.priority,
        "run_after": None,
        "max_attempts": source.max_attempts,
        "unique_key": source.unique_key,
        NOTIFY: False,
    }


_KEY_HELP: Final = (
    "While a job of yours with this task and key is unfinished, handing in again leads to that job."
)


def _arguments(task: AnyTask, owner: User) -> list[Argument]:
    """Return the options as arguments, each with the bounds that hold for the owner."""
    queues = tuple((name, name) for name in sorted(task_backends[task.backend].queues))
    is_free = has_right(owner, CHANGE_JOBS)
    priority = {"minimum": -100, "maximum": 100 if is_free else task.priority}
    attempts = {"minimum": 1} if is_free else {"minimum": 1, "maximum": task.max_attempts}
    return [
        *([_option("queue", "Queue", "choice", "", choices=queues)] if len(queues) > 1 else []),
        _option("priority", "Priority", "integer", "Higher goes first.", **priority),
        _option("run_after", "Not before", "datetime", ""),
        _option("max_attempts", "Attempts", "integer", "How many failures end it.", **attempts),
        _option("unique_key", "Unique key", "text", _KEY_HELP, max_length=200),
        *_email_option(owner),
    ]


def _email_option(owner: User) -> list[Argument]:
    """Whether to send an e-mail: only a user with an address is asked."""
    to = email_address(owner)
    help_text = f"To {to}, also if it fails."
    return [_option(NOTIFY, "E-mail me when it is done", "boolean", help_text)] if to else []


def _option(name: str, title: str, kind: str, help: str, **more: Any) -> Argument:  # noqa: A002
    return Argument(name=name, title=title, kind=kind, help=help, required=False, **more)
