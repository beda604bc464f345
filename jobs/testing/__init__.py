"""Testing one's own tasks: run what waits in the test's own transaction, look at what was enqueued,
move the clock. ``jobs/docs/testing.md`` is the manual.

The names load on first use (PEP 562): a project's ``TASKS`` may name ``jobs.testing.EagerBackend``,
which Django imports before the models are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .assertions import assert_enqueued, assert_not_enqueued
    from .clock import travel
    from .drain_queue import DrainResult, adrain, drain
    from .eager_backend import EagerBackend
    from .enqueued_jobs import EnqueuedJob, enqueued
    from .files import make_upload, read_artifact, read_log
    from .mixin import JobsTestMixin
    from .perform_task import Performed, perform
    from .runner import TaskFailed, cancel_requested

__all__ = [
    "DrainResult",
    "EagerBackend",
    "EnqueuedJob",
    "JobsTestMixin",
    "Performed",
    "TaskFailed",
    "adrain",
    "assert_enqueued",
    "assert_not_enqueued",
    "cancel_requested",
    "drain",
    "enqueued",
    "make_upload",
    "perform",
    "read_artifact",
    "read_log",
    "travel",
]

_SOURCES: Final = {
    "DrainResult": "drain_queue",
    "EagerBackend": "eager_backend",
    "EnqueuedJob": "enqueued_jobs",
    "JobsTestMixin": "mixin",
    "Performed": "perform_task",
    "TaskFailed": "runner",
    "adrain": "drain_queue",
    "assert_enqueued": "assertions",
    "assert_not_enqueued": "assertions",
    "cancel_requested": "runner",
    "drain": "drain_queue",
    "enqueued": "enqueued_jobs",
    "make_upload": "files",
    "perform": "perform_task",
    "read_artifact": "files",
    "read_log": "files",
    "travel": "clock",
}
"""The module of each public name. None has the name of a function here, which it would replace."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_SOURCES[name]}", __name__), name)
    globals()[name] = value
    return value
