"""What has been counted of each task and queue, and the histograms of its times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from jobs.core.db import connection, run
from jobs.core.states import AttemptOutcome, Status
from jobs.models.counter import (
    BOUNDS,
    COLUMNS,
    ENDINGS,
    RETRIED,
    UNHAPPY,
    attempts_column,
    jobs_column,
)

from .stats import declared_tasks

# No parameters. Rows: (task, queue, the sums of ``COLUMNS``).
_SUMS: Final = f"""
SELECT task, queue, {", ".join(f"SUM({name})" for name in COLUMNS)} FROM jobs_counter
GROUP BY task, queue
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often something took how long.

    Attributes:
        cumulative: how many were not longer than each of ``BOUNDS``, and at the end all.
        seconds: the sum.
    """

    cumulative: list[int]
    seconds: float


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """What has been counted of a task in a queue, since its first job was counted."""

    task: str
    queue: str
    values: Mapping[str, float]

    def jobs(self) -> dict[Status, int]:
        """How many jobs have ended, by their status then."""
        return {status: int(self.values[jobs_column(status)]) for status in ENDINGS}

    def attempts(self) -> dict[AttemptOutcome, int]:
        """How many attempts have ended, by their outcome."""
        # A job succeeds with its one attempt that does.
        counts = {AttemptOutcome.SUCCEEDED: self.jobs()[Status.SUCCEEDED]}
        for outcome in UNHAPPY:
            counts[outcome] = int(self.values[attempts_column(outcome)])
        return counts

    def retried(self) -> int:
        """How many attempts have failed and were followed by another."""
        return int(self.values[RETRIED])

    def histogram(self, name: str) -> Histogram:
        """Return one of ``HISTOGRAMS``."""
        buckets = (int(self.values[f"{name}_{number}"]) for number in range(len(BOUNDS) + 1))
        return Histogram(list(accumulate(buckets)), float(self.values[f"{name}_seconds"]))


def task_counts() -> list[TaskCounts]:
    """Return the counts of every task and queue, by name.

    Tasks that are in the code begin with zeros in their own queue: who watches a counter sees its
    first step only if it was there before.
    """
    nothing = dict.fromkeys(COLUMNS, 0)
    found: dict[tuple[str, str], Mapping[str, Any]] = dict.fromkeys(declared_tasks(), nothing)
    for task, queue, *sums in run(connection(), _SUMS, []):
        found[task, queue] = dict(zip(COLUMNS, sums, strict=True))
    return [TaskCounts(task, queue, values) for (task, queue), values in sorted(found.items())]
