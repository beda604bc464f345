"""The hot statements, in SQL that SQLite (3.35 and later) and PostgreSQL share.

The conditions on ``status`` are literals, not parameters: only so does either planner see that a
partial index fits. ``tests/integration/test_plans.py`` asks both for their plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field

from ..conf import get_conf
from ..models import Job

TABLE: Final = "jobs_job"

# For this transaction only: behind a pooler the connection is somebody else's afterwards.
LIMIT_SILENCE: Final = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"

# A new job's place in its queue. Owners take turns: a job goes one turn behind its owner's last
# waiting job, but never before the turn that is being served now. (Start-time fair queueing,
# Goyal, Vin and Cheng, SIGCOMM 1996, with one unit of work a job.)
NEXT_TURN: Final = """
SELECT COALESCE(MAX(turn), 0) FROM (
    SELECT MAX(turn) + 1 AS turn FROM jobs_job
    WHERE status = 'queued' AND queue = %s AND priority = %s AND {owner}
    UNION ALL
    SELECT MIN(turn) AS turn FROM jobs_job
    WHERE status = 'queued' AND queue = %s AND priority = %s
) AS turns
"""

HAS_WAITING: Final = """
SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = %s
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused) LIMIT 1
"""

CLAIM: Final = """
WITH picked AS MATERIALIZED (
    SELECT id FROM jobs_job WHERE status = 'queued' AND queue = %s
    ORDER BY priority DESC, turn, id LIMIT %s {lock}
)
UPDATE jobs_job SET status = 'running', attempt = attempt + 1, consumer_id = %s, started_at = %s,
    error_type = '', error_message = '', progress_done = NULL, progress_total = NULL,
    progress_message = '', version = version + 1
WHERE id IN (SELECT id FROM picked) AND status = 'queued'
    AND EXISTS (SELECT 1 FROM jobs_consumer WHERE id = %s AND dead_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused)
RETURNING id, task, module_path, queue, args, positional, attempt, failures, losses, max_attempts,
    timeout, owner_id, priority, turn
"""

# The branch of run_after that is never taken tells PostgreSQL the type of two NULLs.
FINISH: Final = """
UPDATE jobs_job SET
    status = CASE WHEN cancel_requested THEN %s ELSE %s END,
    finished_at = CASE WHEN cancel_requested THEN %s ELSE %s END,
    error_type = CASE WHEN cancel_requested THEN %s ELSE %s END,
    error_message = CASE WHEN cancel_requested AND %s THEN 'cancelled by ' || cancelled_by
        ELSE %s END,
    result = %s, run_after = CASE WHEN cancel_requested THEN NULL
        WHEN status <> 'running' THEN run_after ELSE %s END, consumer_id = NULL,
    failures = failures + %s, losses = losses + %s, version = version + 1
WHERE id = %s AND attempt = %s AND status = 'running'
"""

ADD_ATTEMPTS: Final = """
INSERT INTO jobs_attempt (job_id, number, consumer, started_at, ended_at, outcome, error_type,
    message, traceback) VALUES {rows}
"""
ATTEMPT_ROW: Final = "(%s, %s, %s, %s, %s, %s, %s, %s, %s)"


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to the database that the jobs are written to."""
    return connections[router.db_for_write(Job)]


@contextmanager
def writing() -> Iterator[None]:
    """One transaction of a consumer's writer.

    PostgreSQL ends it when this process says nothing for a lease: one that is frozen, or cut off
    from the network, in the middle of it would otherwise keep its locks for hours, and with them
    its jobs from running elsewhere.
    """
    db = connection()
    with transaction.atomic(using=db.alias):
        if db.vendor == "postgresql":
            with db.cursor() as cursor:
                cursor.execute(LIMIT_SILENCE, [f"{get_conf().lease_seconds * 1000:.0f}"])
        yield


def next_turn(job: Job) -> tuple[str, list[Any]]:
    """Return the statement that computes a job's turn, and its parameters."""
    place = [job.queue, job.priority]
    if job.owner_id is None:
        return NEXT_TURN.format(owner="owner_id IS NULL"), [*place, *place]
    return NEXT_TURN.format(owner="owner_id = %s"), [*place, job.owner_id, *place]


def insert_job(job: Job, db: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
    """Return the one statement that records a job, and its parameters."""
    fields = [field for field in Job._meta.concrete_fields if field.name != "turn"]
    columns = ", ".join(str(field.column) for field in fields)
    values = [field.get_db_prep_save(getattr(job, field.attname), db) for field in fields]
    turn, parameters = next_turn(job)
    marks = ", ".join(["%s"] * len(fields))
    return (
        f"INSERT INTO {TABLE} ({columns}, turn) VALUES ({marks}, ({turn}))",  # noqa: S608
        [*values, *parameters],
    )


def adapted(name: str, value: Any, db: BaseDatabaseWrapper) -> Any:
    """Return a value as the database driver takes it for the job's column of this name."""
    field = Job._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is no column of a job.")
    return field.get_db_prep_save(value, db)
