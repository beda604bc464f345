"""Collects the records of a run for the checker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.chaos.checker import AttemptRow, Change, Effect, JobRow
from tests.chaos.databases import Database, seconds_of


def jobs_of(database: Database) -> list[JobRow]:
    """Return the jobs' rows."""
    columns = "id, idempotency_key, status, attempt, failures, max_attempts, result, consumer_id"
    return [
        JobRow(one, key, status, attempt, failures, budget, _winner(result), consumer)
        for one, key, status, attempt, failures, budget, result, consumer in database.rows(
            f"SELECT {columns} FROM jobs_job"
        )
    ]


def attempts_of(database: Database) -> list[AttemptRow]:
    """Return the attempts that have ended."""
    columns = "job_id, number, outcome, started_at, ended_at"
    return [
        AttemptRow(job, number, outcome, seconds_of(started), seconds_of(ended))
        for job, number, outcome, started, ended in database.rows(
            f"SELECT {columns} FROM jobs_attempt"
        )
    ]


def changes_of(database: Database) -> list[Change]:
    """Return the changes of status, as the trigger of ``prepare`` recorded them."""
    statement = "SELECT job, old, new, attempt_before, attempt FROM chaos_change ORDER BY id"
    return [Change(*row) for row in database.rows(statement)]


def effects_of(ledger: Path) -> list[Effect]:
    """Return what the tasks have done."""
    lines = ledger.read_text("utf-8").splitlines() if ledger.exists() else []
    return [
        Effect(line["job"].replace("-", ""), line["attempt"], line["what"])
        for line in map(json.loads, lines)
    ]


def _winner(result: Any) -> int | None:
    """Return the attempt that a stored result names."""
    found: dict[str, int] | None = json.loads(result) if isinstance(result, str) else result
    return (found or {}).get("attempt")
