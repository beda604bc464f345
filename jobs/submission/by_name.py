"""``jobs.submit``: send by name."""

from __future__ import annotations

from typing import Any

from jobs.catalog.registry import get_task
from jobs.compat import TaskResult


def submit(task: str, /, **args: Any) -> TaskResult[Any]:
    """Hand in a job by the name of its task; returns a handle at once.

    Raises:
        UnknownTask: there is no such task.
        InvalidArguments: the arguments do not fit.
    """
    return get_task(task).enqueue(**args)
