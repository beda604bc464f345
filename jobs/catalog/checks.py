"""Errors in the declarations of tasks, for ``manage.py check``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jobs.compat import task_backends

from .callables import location_of
from .option_values import attempts_error, priority_error, queue_error, timeout_error
from .registry import AnyTask, declarations
from .retry_policy import wrong_policy
from .signature import BadSignature
from .task import DEFAULT, STAFF

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True, slots=True)
class DeclarationError:
    """One error in a declaration, and how to correct it; ``code`` is that of the Django check."""

    task: AnyTask
    code: str
    message: str
    hint: str

    @property
    def where(self) -> str:
        """The file and line of the declaration."""
        return location_of(self.task.func)


def declaration_errors() -> Iterator[DeclarationError]:
    """Yield the errors of all declared tasks."""
    module_paths: dict[str, str] = {}
    for declaration in declarations():
        task = declaration.task
        where = task.module_path
        if module_paths.setdefault(task.name, where) != where:
            yield DeclarationError(
                task,
                "E003",
                f"Two tasks are named {task.name!r}: {module_paths[task.name]} and {where}.",
                "Give one of them name='...' in its @job.",
            )
        for option in declaration.unknown:
            yield DeclarationError(
                task, "E002", f"@job of {where} has no option {option!r}.", "Remove it."
            )
        yield from _signature_errors(task)
        yield from _option_errors(task)


def _signature_errors(task: AnyTask) -> Iterator[DeclarationError]:
    try:
        task.spec  # noqa: B018  (built on first access)
    except BadSignature as error:
        yield DeclarationError(
            task,
            "E001",
            f"{task.module_path} cannot be a task: {error}.",
            "Each parameter needs a type that pydantic knows and, if any, a default that is JSON.",
        )


def _option_errors(task: AnyTask) -> Iterator[DeclarationError]:
    if not isinstance(task.backend, str) or task.backend not in task_backends.settings:
        yield DeclarationError(
            task,
            "E006",
            f"{task.module_path} uses the backend {task.backend!r}, which TASKS does not have.",
            f"Use one of: {sorted(task_backends.settings)}.",
        )
        return
    queues = task_backends[task.backend].queues
    if queues and queue_error(task.queue_name) is None and task.queue_name not in queues:
        yield DeclarationError(
            task,
            "E004",
            f"{task.module_path} uses the queue {task.queue_name!r}, which nothing lists.",
            f"Add it to TASKS[{task.backend!r}]['QUEUES'], or use one of: {sorted(queues)}.",
        )
    for wrong in _wrong_values(task):
        yield DeclarationError(task, "E005", f"{task.module_path}: {wrong}.", "Correct @job.")


def _wrong_values(task: AnyTask) -> Iterator[str]:
    title: object = task.title
    if not isinstance(title, str):
        yield f"title must be text, not {title!r}"
    name: object = task.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        # The name is part of URLs and command lines.
        yield f"name must be of letters, digits, '.', '_' and '-', 200 at most, not {name!r}"
    # Not task.timeout: that reads the settings, which may be wrong themselves.
    limit = None if task.time_limit is DEFAULT else task.time_limit
    for option, value, sentence in (
        ("priority", task.priority, priority_error(task.priority)),
        ("max_attempts", task.max_attempts, attempts_error(task.max_attempts)),
        ("timeout", limit, timeout_error(limit)),
        ("queue", task.queue_name, queue_error(task.queue_name)),
    ):
        if sentence is not None:
            yield f"{option} must{sentence.removeprefix('It must').rstrip('.')}, not {value!r}"
    if task.executor not in ("thread", "process"):
        yield f"executor must be 'thread' or 'process', not {task.executor!r}"
    yield from wrong_policy(task.retry_on, task.give_up_on)
    permission = task.permission
    if permission is not None and permission != STAFF and "." not in str(permission):
        yield f"permission must be 'app.codename' or 'staff', not {permission!r}"
