"""What may be said beside a task's arguments: the folded part of the form."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.http import QueryDict

from jobs.catalog.arguments import Argument
from jobs.catalog.registry import AnyTask
from jobs.compat import task_backends
from jobs.errors import InvalidOptions
from jobs.models import Job
from jobs.submission import SubmitOptions

from .fields import OMITTED
from .task_form import field_for

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PREFIX = "option"
"""With its hyphen it can't be the beginning of an argument's name."""


class OptionsForm(forms.Form):
    """Queue, priority, time, attempts and key; after ``is_valid`` they are in ``options``."""

    use_required_attribute = False

    def __init__(
        self, task: AnyTask, owner: User, *, data: QueryDict | None = None, like: Job | None = None
    ) -> None:
        super().__init__(data, prefix=PREFIX)
        self.options = SubmitOptions()
        self.usual: dict[str, Any] = {}
        usual, start = _start(task, None), _start(task, like)
        for argument in _arguments(task, owner):
            name, field = argument.name, field_for(argument, owner)
            self.fields[name] = field
            self.initial[name] = field.shown(start[name])
            self.usual[name] = field.shown(usual[name])

    @property
    def unfold(self) -> bool:
        """Whether something in it is wrong, or not as the task has it."""
        return bool(self.errors) or any(
            (self[name].value() or "") != usual for name, usual in self.usual.items()
        )

    def clean(self) -> dict[str, Any]:
        """Turn texts into what ``submit`` takes; what is out of bounds it says itself."""
        given = {n: v for n, v in self.cleaned_data.items() if v is not OMITTED}
        for name in ("priority", "max_attempts"):
            if name in given:
                self._read(name, given, int, "It must be a whole number.")
        if "run_after" in given:
            self._read("run_after", given, datetime.fromisoformat, "It must be a date and time.")
        self.options = SubmitOptions(**given)
        return given

    def say(self, error: InvalidOptions) -> None:
        """Put each problem to its field."""
        for problem in error.errors:
            name = problem["pointer"].removeprefix("/")
            self.add_error(name if name in self.fields else None, problem["detail"])

    def _read(self, name: str, given: dict[str, Any], kind: Any, told: str) -> None:
        try:
            given[name] = kind(given[name])
        except ValueError:
            self.add_error(name, told)


def _start(task: AnyTask, like: Job | None) -> dict[str, Any]:
    source: Any = like if like is not None else task
    return {
        "queue": like.queue if like is not None else task.queue_name,
        "priority": source.priority,
        "run_after": None,
        "max_attempts": source.max_attempts,
        "unique_key": source.unique_key,
    }


_KEY_HELP: Final = (
    "While a job of yours with this task and key is unfinished, handing in again leads to that job."
)


def _arguments(task: AnyTask, owner: User) -> list[Argument]:
    """The options as arguments. Who is not staff may lower what the task says, not raise it."""
    queues = tuple((name, name) for name in sorted(task_backends[task.backend].queues))
    most = {} if owner.is_staff else {"maximum": task.max_attempts}
    told = {"minimum": -100, "maximum": 100 if owner.is_staff else task.priority}
    return [
        *([_option("queue", "Queue", "choice", "", choices=queues)] if len(queues) > 1 else []),
        _option("priority", "Priority", "integer", "Higher goes first.", **told),
        _option("run_after", "Not before", "datetime", ""),
        _option(
            "max_attempts", "Attempts", "integer", "How many failures end it.", minimum=1, **most
        ),
        _option("unique_key", "Unique key", "text", _KEY_HELP, max_length=200),
    ]


def _option(name: str, title: str, kind: str, help: str, **more: Any) -> Argument:  # noqa: A002
    return Argument(name=name, title=title, kind=kind, help=help, required=False, **more)
