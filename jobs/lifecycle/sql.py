"""The hot statements, in SQL that SQLite (3.35 and later) and PostgreSQL share.

The conditions on ``status`` are literals, not parameters: only so does either planner see that a
partial index fits. ``tests/integration/test_plans.py`` asks both for their plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from ..models import Job

# A new job's place in its queue. Owners take turns: a job goes one turn behind its owner's last
# waiting job, but never before the turn that is being served now. (Start-time fair queueing,
# Goyal, Vin and Cheng, SIGCOMM 1996, with one unit of work a job.) The first and the last entry of
# an index, asked for as such: MIN and MAX over rows read the whole backlog on a PostgreSQL with old
# statistics; and as two values, not as the rows of a UNION, which it plans for three times as long.
NEXT_TURN: Final = """
{larger}(COALESCE((
    SELECT jobs_job.turn + 1 FROM jobs_job
    WHERE status = 'queued' AND queue = %s AND priority = %s AND {owner}
    ORDER BY owner_id DESC, jobs_job.turn DESC LIMIT 1
), 0), COALESCE((
    SELECT jobs_job.turn FROM jobs_job
    WHERE status = 'queued' AND queue = %s AND priority = %s
    ORDER BY jobs_job.turn LIMIT 1
), 0))
"""
LARGER: Final = {"postgresql": "GREATEST", "sqlite": "MAX"}

# The order is of no use but to PostgreSQL's planner: without it a table in which many jobs wait is
# read from its start, past all that have finished, because the first that waits cannot be far.
HAS_WAITING: Final = """
SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = %s
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused)
ORDER BY priority DESC, turn, id LIMIT 1
"""

# What a consumer asks each second, idle or not.
HOLDERS: Final = "SELECT DISTINCT consumer_id FROM jobs_job WHERE status = 'running'"
HELD: Final = "SELECT id, attempt FROM jobs_job WHERE status = 'running' AND consumer_id = %s"
LIVING: Final = "SELECT id FROM jobs_consumer WHERE dead_at IS NULL"
BEATS: Final = "SELECT id, beat FROM jobs_consumer WHERE dead_at IS NULL AND id <> %s"
BEAT: Final = """
UPDATE jobs_consumer SET beat = beat + 1, beat_at = %s WHERE id = %s AND dead_at IS NULL
RETURNING id
"""
NEXT_DUE: Final = "SELECT MIN(run_after) FROM jobs_job WHERE status = 'scheduled'"
LIVING_ON: Final = "SELECT id FROM jobs_consumer WHERE dead_at IS NULL AND host = %s"

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
    consumer_id = NULL, failures = failures + charged, losses = losses + lost,
    version = version + 1
FROM ending WHERE id = job AND attempt = number AND status = 'running'
RETURNING id, attempt
"""

# A row of FINISH. PostgreSQL takes a bare value in VALUES for text; SQLite knows no such types.
ENDING: Final = {
    "postgresql": "(%s::uuid, %s::int, %s, %s::timestamptz, %s::timestamptz, %s, %s, %s::jsonb,"
    " %s::timestamptz, %s::int, %s::int)",
    "sqlite": "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
}

ADD_ATTEMPTS: Final = """
INSERT INTO jobs_attempt (job_id, number, consumer, started_at, ended_at, outcome, error_type,
    message, traceback) VALUES {rows}
"""
ATTEMPT: Final = "(%s, %s, %s, %s, %s, %s, %s, %s, %s)"

# What differs from job to job when it is handed in; the columns that may be NULL and are not named
# here begin as NULL. A test holds both lists to the model.
GIVEN: Final = (
    "id",
    "task",
    "module_path",
    "queue",
    "priority",
    "status",
    "args",
    "positional",
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
ALIKE: Final = {
    "error_type": "''",
    "error_message": "''",
    "progress_message": "''",
    "attempt": "0",
    "failures": "0",
    "losses": "0",
    "cancel_requested": "FALSE",
    "cancelled_by": "''",
    "log_size": "0",
    "version": "1",
}

_COLUMNS: Final = ", ".join([*GIVEN, *ALIKE, "turn"])
_VALUES: Final = ", ".join(["%s"] * len(GIVEN) + list(ALIKE.values()))
RECORD: Final = f"INSERT INTO jobs_job ({_COLUMNS}) VALUES {{rows}}"  # noqa: S608
# Jobs that differ in three columns, which come as one JSON array of [id, args, place] in the lot:
# to bind seventeen values for each takes twice as long as to insert it.
EACH: Final = {
    "postgresql": {
        "id": "(value ->> 0)::uuid",
        "args": "(value -> 1)::jsonb",
        "turn": "%s + (value ->> 2)::bigint",
        "source": "json_array_elements(%s::json) AS each(value)",
    },
    "sqlite": {
        "id": "json_extract(value, '$[0]')",
        "args": "json_extract(value, '$[1]')",
        "turn": "%s + json_extract(value, '$[2]')",
        "source": "json_each(%s)",
    },
}
RECORD_MANY: Final = "INSERT INTO jobs_job ({columns}) SELECT {values} FROM {source}"


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to the database that the jobs are written to."""
    return connections[router.db_for_write(Job)]


def takes_many(db: BaseDatabaseWrapper) -> bool:
    """Whether several statements can be sent as one message (PostgreSQL's simple protocol)."""
    if db.vendor != "postgresql":
        return False
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return is_psycopg3 and not db.settings_dict["OPTIONS"].get("server_side_binding")


def run(
    db: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Execute a hot statement; return the rows it gives.

    On SQLite without Django's cursor, which turns each ``%s`` into ``?`` anew and takes longer for
    all it does than SQLite for the statement. Who listens to statements (a test that counts them,
    ``DEBUG``) has Django's.

    Raises:
        DatabaseError: Django's, on either way.
    """
    if db.vendor != "sqlite" or db.execute_wrappers or db.queries_logged:
        with db.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    db.ensure_connection()
    db.validate_no_broken_transaction()
    with db.wrap_database_errors:
        rows: list[tuple[Any, ...]] = db.connection.execute(
            _marked(statement), parameters
        ).fetchall()
    return rows


@lru_cache(maxsize=256)
def _marked(statement: str) -> str:
    return statement.replace("%s", "?")


def next_turn(job: Job, vendor: str) -> str:
    """Return the expression of a job's turn; ``Adapter.turn`` has its parameters."""
    return _next_turn(vendor, job.owner_id is None)


@cache
def _next_turn(vendor: str, nobodys: bool) -> str:
    owner = "owner_id IS NULL" if nobodys else "owner_id = %s"
    return NEXT_TURN.format(larger=LARGER[vendor], owner=owner)


def record_row(job: Job, vendor: str) -> str:
    """Return a job's row of ``RECORD``; it takes ``Adapter.given`` and ``.turn``."""
    return _row(vendor, job.owner_id is None)


@cache
def _row(vendor: str, nobodys: bool) -> str:
    return f"({_VALUES}, {_next_turn(vendor, nobodys)})"


def record_many_statement(vendor: str) -> str:
    """Return the statement that records a lot of jobs.

    It takes ``GIVEN`` without id and args, the turn of the first, and the lot as JSON.
    """
    each = EACH[vendor]
    values = [each.get(name, "%s") for name in GIVEN] + [*ALIKE.values(), each["turn"]]
    return RECORD_MANY.format(columns=_COLUMNS, values=", ".join(values), source=each["source"])
