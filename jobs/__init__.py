"""Jobdesk: a job desk for Django.

What a project needs is here: ``job`` declares a task, ``submit`` hands one in by name, and
``JobContext``, ``InputFile`` and ``LongText`` are what a task's signature may mention. The names
load on first use (PEP 562): importing ``jobs`` must not touch the models, because Django imports
this package before its app registry is ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog.context import JobContext
    from .catalog.declare import JobTask, job
    from .catalog.files import InputFile
    from .catalog.types import LongText
    from .submission.shortcuts import submit

__all__ = ["InputFile", "JobContext", "JobTask", "LongText", "job", "submit"]

_HOMES = {
    "InputFile": "catalog.files",
    "JobContext": "catalog.context",
    "JobTask": "catalog.declare",
    "LongText": "catalog.types",
    "job": "catalog.declare",
    "submit": "submission.shortcuts",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
