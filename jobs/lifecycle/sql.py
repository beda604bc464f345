"""The hot statements, in SQL that SQLite (3.35 and later) and PostgreSQL share.

The conditions on ``status`` are literals, not parameters: only so does either planner see that a
partial index fits. ``tests/integration/test_plans.py`` asks both for their plans.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from jobs.models import Job

# A new job's place in its queue. Owners take turns: a job goes one turn behind its owner's last
# waiting job, but never before the turn that is being served now. (Start-time fair queueing,
# Goyal, Vin and Cheng, SIGCOMM 1996, with one unit of work a job.) The first and the last entry of
# an index, asked for as such: MIN and MAX over rows read the whole backlog on a PostgreSQL with old
# statistics; and as two values, not as the rows of a UNION, which it plans for three times as long.
FAIR_POSITION: Final = """
{larger}(COALESCE((
    SELECT jobs_job.fair_position + 1 FROM jobs_job
    WHERE status = 'queued' AND queue = %s AND priority = %s AND {owner}
    ORDER BY owner_id DESC, jobs_job.fair_position DESC LIMIT 1
), 0), COALESCE((
    SELECT jobs_job.fair_position FROM jobs_job
    WHERE status = 'queued' AND queue = %s AND priority = %s
    ORDER BY jobs_job.fair_position LIMIT 1
), 0))
"""
LARGER: Final = {"postgresql": "GREATEST", "sqlite": "MAX"}

# The order is of no use but to PostgreSQL's planner: without it a table in which many jobs wait is
# read from its start, past all that have finished, because the first that waits cannot be far.
HAS_WAITING: Final = """
SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = %s
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused)
ORDER BY priority DESC, fair_position, id LIMIT 1
"""

# What a consumer asks each second, idle or not.
HOLDERS: Final = "SELECT DISTINCT consumer_id FROM jobs_job WHERE status = 'running'"
HELD: Final = "SELECT id, attempt FROM jobs_job WHERE status = 'running' AND consumer_id = %s"
LIVING: Final = "SELECT id FROM jobs_consumer WHERE dead_at IS NULL"
OTHER_HEARTBEATS: Final = (
    "SELECT id, heartbeat FROM jobs_consumer WHERE dead_at IS NULL AND id <> %s"
)
HEARTBEAT: Final = """
UPDATE jobs_consumer SET heartbeat = heartbeat + 1, heartbeat_at = %s
WHERE id = %s AND dead_at IS NULL
RETURNING id
"""
NEXT_DUE: Final = "SELECT MIN(run_after) FROM jobs_job WHERE status = 'scheduled'"
LIVING_ON_HOST: Final = "SELECT id FROM jobs_consumer WHERE dead_at IS NULL AND host = %s"

CLAIM: Final = """
WITH picked AS MATERIALIZED (
    SELECT id FROM jobs_job WHERE status = 'queued' AND queue = %s
    ORDER BY priority DESC, fair_position, id LIMIT %s {lock}
)
UPDATE jobs_job SET status = 'running', attempt = attempt + 1, consumer_id = %s, started_at = %s,
    error_type = '', error_message = '', progress_done = NULL, progress_total = NULL,
    progress_message = '', version = version + 1
WHERE id IN (SELECT id FROM picked) AND status = 'queued'
    AND EXISTS (SELECT 1 FROM jobs_consumer WHERE id = %s AND dead_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused)
RETURNING id, task, module_path, queue, args, kwargs, attempt, failures, lost_count, max_attempts,
    timeout, owner_id, priority, fair_position
"""

# One statement for all that ended since the last commit, however many: a statement for each would
# hold SQLite's one write lock while Python switches threads between them.
FINISH: Final = """
WITH ending (job, number, target, ended, final_at, kind, words, answer, due, charged, lost)
    AS (VALUES {rows})
UPDATE jobs_job SET
    status = CASE WHEN cancel_requested AND target <> 'succeeded' THEN 'cancelled' ELSE target END,
    finished_at = CASE WHEN cancel_requested THEN ended ELSE final_at END,
    error_type = CASE WHEN cancel_requested AND target <> 'succeeded' THEN 'Cancelled'
        ELSE kind END,
    error_message = CASE WHEN cancel_requested AND target <> 'succeeded'
        THEN 'cancelled by ' || cancelled_by ELSE words END,
    result = answer, run_after = CASE WHEN cancel_requested THEN NULL ELSE due END,
    consumer_id = NULL, failures = failures + charged, lost_count = lost_count + lost,
    version = version + 1
FROM ending WHERE id = job AND attempt = number AND status = 'running'
RETURNING id, attempt
"""

# A row of FINISH. PostgreSQL takes a bare value in VALUES for text; SQLite knows no such types.
OUTCOME_ROW: Final = {
    "postgresql": "(%s::uuid, %s::int, %s, %s::timestamptz, %s::timestamptz, %s, %s, %s::jsonb,"
    " %s::timestamptz, %s::int, %s::int)",
    "sqlite": "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
}

ADD_ATTEMPTS: Final = """
INSERT INTO jobs_attempt (job_id, number, consumer, started_at, ended_at, outcome, error_type,
    message, traceback) VALUES {rows}
"""
ATTEMPT_ROW: Final = "(%s, %s, %s, %s, %s, %s, %s, %s, %s)"

# What differs from job to job when it is handed in; the columns that may be NULL and are not named
# here begin as NULL. A test holds both lists to the model.
JOB_COLUMNS: Final = (
    "id",
    "task",
    "module_path",
    "queue",
    "priority",
    "status",
    "args",
    "kwargs",
    "max_attempts",
    "timeout",
    "owner_id",
    "unique_key",
    "unique_slot",
    "idempotency_key",
    "idempotency_digest",
    "created_at",
    "run_after",
)
CONSTANT_COLUMNS: Final = {
    "error_type": "''",
    "error_message": "''",
    "progress_message": "''",
    "attempt": "0",
    "failures": "0",
    "lost_count": "0",
    "cancel_requested": "FALSE",
    "cancelled_by": "''",
    "log_size": "0",
    "version": "1",
}

_COLUMNS: Final = ", ".join([*JOB_COLUMNS, *CONSTANT_COLUMNS, "fair_position"])
_VALUES: Final = ", ".join(["%s"] * len(JOB_COLUMNS) + list(CONSTANT_COLUMNS.values()))
INSERT_JOB: Final = f"INSERT INTO jobs_job ({_COLUMNS}) VALUES {{rows}}"  # noqa: S608
# Jobs that differ in three columns, which come as one JSON array of [id, kwargs, index] in the lot:
# to bind seventeen values for each takes twice as long as to insert it.
EACH: Final = {
    "postgresql": {
        "id": "(value ->> 0)::uuid",
        "kwargs": "(value -> 1)::jsonb",
        "fair_position": "%s + (value ->> 2)::bigint",
        "source": "json_array_elements(%s::json) AS each(value)",
    },
    "sqlite": {
        "id": "json_extract(value, '$[0]')",
        "kwargs": "json_extract(value, '$[1]')",
        "fair_position": "%s + json_extract(value, '$[2]')",
        "source": "json_each(%s)",
    },
}
INSERT_MANY: Final = "INSERT INTO jobs_job ({columns}) SELECT {values} FROM {source}"


def fair_position(job: Job, vendor: str) -> str:
    """Return the expression of a job's turn; ``Adapter.turn`` has its parameters."""
    return _fair_position(vendor, job.owner_id is None)


@cache
def _fair_position(vendor: str, nobodys: bool) -> str:
    owner = "owner_id IS NULL" if nobodys else "owner_id = %s"
    return FAIR_POSITION.format(larger=LARGER[vendor], owner=owner)


def insert_row(job: Job, vendor: str) -> str:
    """Return a job's row of ``RECORD``; it takes ``Adapter.given`` and ``.turn``."""
    return _row(vendor, job.owner_id is None)


@cache
def _row(vendor: str, nobodys: bool) -> str:
    return f"({_VALUES}, {_fair_position(vendor, nobodys)})"


def insert_many_statement(vendor: str) -> str:
    """Return the statement that records a lot of jobs.

    It takes ``GIVEN`` without id and args, the turn of the first, and the lot as JSON.
    """
    each = EACH[vendor]
    values = [each.get(name, "%s") for name in JOB_COLUMNS] + [
        *CONSTANT_COLUMNS.values(),
        each["fair_position"],
    ]
    return INSERT_MANY.format(columns=_COLUMNS, values=", ".join(values), source=each["source"])
