"""The registry of tasks: found in the ``tasks`` module or package of every installed app."""

from __future__ import annotations

import difflib
import pkgutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.utils.module_loading import import_string, module_has_submodule

from jobs.compat import Task
from jobs.errors import UnknownTask

from .signature import BadSignature
from .task import JobTask

AnyTask = JobTask[Any, Any]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A task as it was declared, with the names of options that do not exist."""

    task: AnyTask
    unknown: list[str]


_declared: dict[str, Declaration] = {}
_by_name: dict[str, AnyTask] = {}  # a cache, filled by find_task
_lock = threading.RLock()
_discovered = False
MOST_COMPARED: Final = 200


def register(task: AnyTask, unknown: list[str]) -> None:
    """Register a declaration. Declaring the same function again (a reload) replaces it."""
    _declared[task.module_path] = Declaration(task, unknown)
    _by_name.clear()


def discover() -> None:
    """Import the tasks of every app, once.

    Errors of an import are raised here, again on every call: an incomplete registry would look like
    a complete one.
    """
    global _discovered
    with _lock:
        if _discovered:
            return
        # Set first: a module of tasks may call this while it is being imported.
        _discovered = True
        try:
            for config in apps.get_app_configs():
                if config.module is not None and module_has_submodule(config.module, "tasks"):
                    _import_all(f"{config.name}.tasks")
        except BaseException:
            _discovered = False
            raise


def _import_all(name: str) -> None:
    """Import a module and, if it is a package, all modules in it: one file per task is usual."""
    module = import_module(name)
    for submodule in pkgutil.iter_modules(getattr(module, "__path__", [])):
        _import_all(f"{name}.{submodule.name}")


def declarations() -> Iterator[Declaration]:
    """Yield every declaration, importing them first if necessary."""
    discover()
    yield from list(_declared.values())


def all_tasks() -> dict[str, AnyTask]:
    """Return the tasks with a valid signature, by name; of two with the same name, the first."""
    found: dict[str, AnyTask] = {}
    for declaration in declarations():
        if _is_valid(declaration.task):
            found.setdefault(declaration.task.name, declaration.task)
    return found


def exposed_tasks() -> list[AnyTask]:
    """Return the tasks that can be submitted from outside, sorted by title."""
    return sorted(all_tasks().values(), key=lambda task: (task.title.lower(), task.name))


def get_task(name: str) -> AnyTask:
    """Return the ``@job`` task of this name.

    Raises:
        UnknownTask: there is none; the error carries the nearest names.
    """
    task = find_task(name)
    if task is None:
        raise UnknownTask(name, nearest_names(name, list(all_tasks())))
    return task


def nearest_names(name: str, known: list[str]) -> list[str]:
    """Return up to three names that are close to one that does not exist."""
    # It takes time by the length, and no name of a task is that long.
    close = difflib.get_close_matches(name[:MOST_COMPARED], known, n=3, cutoff=0.5)
    same_function = [
        other for other in known if other.rpartition(".")[2] == name.rpartition(".")[2]
    ]
    return list(dict.fromkeys(same_function + close))[:3]


def find_task(name: str) -> AnyTask | None:
    """Return the ``@job`` task of this name, None if there is none."""
    discover()
    found = _by_name.get(name)
    if found is None:
        for declaration in list(_declared.values()):
            if declaration.task.name == name and _is_valid(declaration.task):
                return _by_name.setdefault(name, declaration.task)
    return found


def load_task(name: str, module_path: str) -> Task[Any, Any]:
    """Return the task of a stored job, by its name or else by its module path.

    Raises:
        UnknownTask: neither exists.
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


def _is_valid(task: AnyTask) -> bool:
    try:
        task.spec  # noqa: B018  (built on first access)
    except BadSignature:
        return False
    return True
