"""Declares the tasks that send: code alone inserts their jobs, so nobody can submit them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobs.catalog.task import JobTask
from jobs.lifecycle.followers import DELIVERIES


def sender(
    *, title: str, max_attempts: int, timeout: float
) -> Callable[[Callable[..., Any]], JobTask[..., Any]]:
    """Make a function a task that is found by its module's path alone, and is in no list of tasks.

    Args:
        title: for people.
        max_attempts: failures until it is given up.
        timeout: seconds that an attempt may take.
    """

    def declare(function: Callable[..., Any]) -> JobTask[..., Any]:
        return JobTask(
            func=function,
            queue_name=DELIVERIES,
            title=title,
            takes_context=True,
            max_attempts=max_attempts,
            time_limit=timeout,
        )

    return declare
