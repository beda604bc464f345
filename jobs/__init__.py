"""Jobdesk: jobs for Django, from a typed function to a form, an API and a running job.

The public names of a project are here: ``job`` declares a task, ``submit`` submits one by name, and
``JobContext``, ``InputFile`` and ``LongText`` are for a task's signature. They load on first use
(PEP 562): importing ``jobs`` must not import the models, because Django imports this package before
its app registry is ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .catalog.arguments import LongText
    from .catalog.context import JobContext
    from .catalog.decorators import job
    from .catalog.input_file import InputFile
    from .catalog.task import JobTask
    from .submission.by_name import submit

__all__ = ["InputFile", "JobContext", "JobTask", "LongText", "job", "submit"]

_MODULES: Final = {
    "InputFile": "catalog.input_file",
    "JobContext": "catalog.context",
    "JobTask": "catalog.task",
    "LongText": "catalog.arguments",
    "job": "catalog.decorators",
    "submit": "submission.by_name",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value
