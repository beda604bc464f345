"""Jobdesk: jobs for Django, from a typed function to a form, an API and a running job.

The public names of a project are here: ``job`` declares a task, ``submit`` submits one by name,
``enqueue_many`` submits many in one go,
``JobContext``, ``InputFile`` and ``LongText`` are for a task's signature, ``JobTask`` and
``JobResult`` for annotations. They load on first use (PEP 562): importing ``jobs`` must not import
the models, because Django imports this package before its app registry is ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .catalog.arguments import LongText
    from .catalog.context import JobContext
    from .catalog.decorators import job
    from .catalog.input_file import InputFile
    from .catalog.task import JobTask
    from .submission.enqueue_many import enqueue_many
    from .submission.submit import submit_by_name as submit
    from .submission.task_result import JobResult

__all__ = [
    "InputFile",
    "JobContext",
    "JobResult",
    "JobTask",
    "LongText",
    "enqueue_many",
    "job",
    "submit",
]

_SOURCES: Final = {
    "InputFile": ("catalog.input_file", "InputFile"),
    "JobContext": ("catalog.context", "JobContext"),
    "JobResult": ("submission.task_result", "JobResult"),
    "JobTask": ("catalog.task", "JobTask"),
    "LongText": ("catalog.arguments", "LongText"),
    "enqueue_many": ("submission.enqueue_many", "enqueue_many"),
    "job": ("catalog.decorators", "job"),
    "submit": ("submission.submit", "submit_by_name"),
}
"""The module of each public name, and its name there."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _SOURCES[name]
    value = getattr(import_module(f".{module}", __name__), attribute)
    globals()[name] = value
    return value
