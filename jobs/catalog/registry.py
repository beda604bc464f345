"""Finding tasks: in the ``tasks`` module or package of every installed app, by name."""

from __future__ import annotations

import difflib
import pkgutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import import_string, module_has_submodule

from jobs.compat import Task
from jobs.errors import UnknownTask

from .signature import BadSignature
from .task import JobTask

AnyTask = JobTask[Any, Any]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A task as it was declared, with the options that mean nothing to us."""

    task: AnyTask
    unknown: list[str]


_declared: dict[str, Declaration] = {}
_by_name: dict[str, AnyTask] = {}  # filled as tasks are asked for
_lock = threading.RLock()
_discovered = False


def register(task: AnyTask, unknown: list[str]) -> None:
    """Note a declaration. Declaring the same function again (a reload) replaces it."""
    _declared[task.module_path] = Declaration(task, unknown)
    _by_name.clear()


def discover() -> None:
    """Import every app's tasks, once. A module that cannot be imported raises here, each time:
    half a catalogue would be taken for a whole one."""
    global _discovered
    with _lock:
        if _discovered:
            return
        # Set first: a module of tasks may look for another task while it is being imported.
        _discovered = True
        try:
            for config in apps.get_app_configs():
                if config.module is not None and module_has_submodule(config.module, "tasks"):
                    _import_all(f"{config.name}.tasks")
        except BaseException:
            _discovered = False
            raise


def _import_all(name: str) -> None:
    """Import a module and, when it is a package, what is in it: one file a task needs no list."""
    module = import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        _import_all(f"{name}.{found.name}")


def declarations() -> Iterator[Declaration]:
    """Every declaration that has been imported."""
    discover()
    yield from list(_declared.values())


def all_tasks() -> dict[str, AnyTask]:
    """The tasks whose declaration can be right, by name; of two with one name, the first."""
    found: dict[str, AnyTask] = {}
    for declaration in declarations():
        if _is_sound(declaration.task):
            found.setdefault(declaration.task.name, declaration.task)
    return found


def exposed_tasks() -> list[AnyTask]:
    """The tasks that can be handed in from outside, by title."""
    return sorted(all_tasks().values(), key=lambda task: (task.title.lower(), task.name))


def get_task(name: str) -> AnyTask:
    """Return the ``@job`` task of this name.

    Raises:
        UnknownTask: there is none; the error carries the nearest names.
    """
    task = find_task(name)
    if task is None:
        raise UnknownTask(name, _nearest(name, list(all_tasks())))
    return task


def _nearest(name: str, known: list[str]) -> list[str]:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    same_word = [one for one in known if one.rpartition(".")[2] == name.rpartition(".")[2]]
    return list(dict.fromkeys(same_word + close))[:3]


def find_task(name: str) -> AnyTask | None:
    """Return the ``@job`` task of this name, None if there is none."""
    discover()
    found = _by_name.get(name)
    if found is None:
        for declaration in list(_declared.values()):
            if declaration.task.name == name and _is_sound(declaration.task):
                return _by_name.setdefault(name, declaration.task)
    return found


def load_task(name: str, module_path: str) -> Task[Any, Any]:
    """Return the task of a recorded job, by name or else from where it was declared.

    Raises:
        UnknownTask: the code has neither.
    """
    task = find_task(name)
    if task is not None:
        return task
    try:
        found = import_string(module_path)
    except (ImportError, ValueError) as error:
        raise UnknownTask(name) from error
    if not isinstance(found, Task):
        raise UnknownTask(name)
    return found


def _is_sound(task: AnyTask) -> bool:
    try:
        task.spec  # noqa: B018  (built and kept on first use)
    except BadSignature:
        return False
    return True
