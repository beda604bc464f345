"""What is true of each job's row, and of each change of it, whatever was done to the job."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from jobs.core.states import FINAL, TRANSITIONS, Status
from jobs.models import Job

Row = dict[str, Any]
NEVER_CHANGED = frozenset(
    "id task module_path queue args kwargs owner_id created_at max_attempts".split()
)


def rows() -> dict[uuid.UUID, Row]:
    """Return every job as it is in the table."""
    return {row["id"]: dict(row) for row in Job.objects.values()}


def check_change(before: Row, row: Row) -> None:
    """Assert that one row may follow another of the same job."""
    old, new = Status(before["status"]), Status(row["status"])
    assert all(before[name] == row[name] for name in NEVER_CHANGED)
    assert row["version"] > before["version"]
    claimed = (old, new) == (Status.QUEUED, Status.RUNNING)
    assert row["attempt"] == before["attempt"] + claimed
    if old != new:
        assert new in TRANSITIONS[old], f"{old} became {new}"
    retried = old in FINAL and new == Status.QUEUED
    assert row["failures"] >= before["failures"] or retried
    assert row["failures"] - before["failures"] <= (old == Status.RUNNING)
    assert row["log_size"] >= before["log_size"]


def check_row(row: Row) -> None:
    """Assert what is true of any row."""
    for number, holds in enumerate(_TRUE_OF_ROW):
        assert holds(row, Status(row["status"])), (number, row)


_TRUE_OF_ROW: list[Callable[[Row, Status], bool]] = [
    lambda row, status: (row["finished_at"] is not None) == (status in FINAL),
    lambda row, status: (row["consumer_id"] is not None) == (status == Status.RUNNING),
    lambda row, status: row["run_after"] is not None or status != Status.SCHEDULED,
    lambda row, status: row["result"] is None or status == Status.SUCCEEDED,
    lambda row, status: row["failures"] <= row["max_attempts"],
    lambda row, status: row["failures"] < row["max_attempts"] or status in FINAL,
    lambda row, status: row["failures"] + row["lost_count"] <= row["attempt"],
    lambda row, status: bool(row["error_type"]) or status not in (Status.FAILED, Status.CANCELLED),
    lambda row, status: not row["cancel_requested"] or status in FINAL | {Status.RUNNING},
]
