"""The hot statements, in SQL that SQLite (3.35 and later) and PostgreSQL share.

The conditions on ``status`` are literals, not parameters: otherwise neither planner sees that a
partial index can be used. ``tests/integration/test_plans.py`` and ``tests/brokers`` check the plans
of both.

Beside each statement: its parameters in order, and its rows. Ids and times are as the driver takes
and returns them (``jobs.core.db.Adapter``, ``as_uuid``, ``as_time``).
"""

from __future__ import annotations

from functools import cache
from typing import Final

from jobs.models import Job

# The fair position of a new job: the virtual time by which the owners of one queue and priority
# take turns. A job comes one position after its owner's last queued job, but never before the
# lowest position that is queued. (Start-time fair queueing, Goyal, Vin and Cheng, SIGCOMM 1996,
# with one unit of work per job.) ORDER BY with LIMIT 1 reads one entry of an index: MIN and MAX
# read the whole backlog on a PostgreSQL with old statistics. Two scalar subqueries, not the rows of
# a UNION, which PostgreSQL takes three times as long to plan.
# Parameters: queue, priority, owner id (only for a job with an owner), queue, priority.
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

# The order is only for PostgreSQL's planner: when many jobs are queued it would otherwise read the
# table from its start, past all finished jobs, in the hope of finding a queued one soon.
# Parameters: queue, queue. Rows: one if a job can be claimed, otherwise none.
HAS_WAITING: Final = """
SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = %s
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused)
ORDER BY priority DESC, fair_position, id LIMIT 1
"""

# What each consumer executes every second, idle or not.

# No parameters. Rows: (consumer id or NULL,).
CONSUMERS_WITH_JOBS: Final = "SELECT DISTINCT consumer_id FROM jobs_job WHERE status = 'running'"
# Parameter: consumer id. Rows: (job id, attempt number).
CLAIMED_BY: Final = "SELECT id, attempt FROM jobs_job WHERE status = 'running' AND consumer_id = %s"
# No parameters. Rows: (consumer id,).
LIVING: Final = "SELECT id FROM jobs_consumer WHERE dead_at IS NULL"
# Parameter: the id of the consumer that asks. Rows: (consumer id, number of heartbeats).
OTHER_HEARTBEATS: Final = (
    "SELECT id, heartbeat FROM jobs_consumer WHERE dead_at IS NULL AND id <> %s"
)
# Parameters: now, consumer id. Rows: (what is asked of it,), none if the consumer was marked dead.
HEARTBEAT: Final = """
UPDATE jobs_consumer SET heartbeat = heartbeat + 1, heartbeat_at = %s
WHERE id = %s AND dead_at IS NULL
RETURNING requested
"""
# No parameters. One row: (time or NULL,).
NEXT_DUE: Final = "SELECT MIN(run_after) FROM jobs_job WHERE status = 'scheduled'"
# Parameter: host name. Rows: (consumer id,).
LIVING_ON_HOST: Final = "SELECT id FROM jobs_consumer WHERE dead_at IS NULL AND host = %s"

# Claims the best queued jobs, unless the consumer was marked dead or the queue is paused.
# Parameters: queue, limit, consumer id, now, consumer id, queue.
# Rows: the columns after RETURNING, in no particular order.
CLAIM: Final = """
WITH picked AS MATERIALIZED (
    SELECT id FROM jobs_job WHERE status = 'queued' AND queue = %s
    ORDER BY priority DESC, fair_position, id LIMIT %s {lock}
)
UPDATE jobs_job SET status = 'running', attempt = attempt + 1, consumer_id = %s, started_at = %s,
    error_type = '', error_message = '', progress_done = NULL, progress_total = NULL,
    progress_message = '', progress_stage = NULL, warnings = NULL, version = version + 1
WHERE id IN (SELECT id FROM picked) AND status = 'queued'
    AND EXISTS (SELECT 1 FROM jobs_consumer WHERE id = %s AND dead_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = %s AND paused)
RETURNING id, task, module_path, queue, args, kwargs, attempt, failures, lost_count, max_attempts,
    timeout, owner_id, priority, fair_position, created_at, run_after, traceparent,
    request_id
"""

# Cancels those of many jobs that wait. A row that another transaction has locked is left out: two
# statements that lock many rows in different orders would wait for each other.
# Parameters: the job ids, who cancels, now, the error message.
# Rows: (job id,) of those cancelled.
CANCEL_WAITING: Final = """
WITH picked AS MATERIALIZED (
    SELECT id FROM jobs_job WHERE id IN ({ids}) AND status IN ('scheduled', 'queued') {lock}
)
UPDATE jobs_job SET status = 'cancelled', cancel_requested = TRUE, cancelled_by = %s,
    finished_at = %s, error_type = 'Cancelled', error_message = %s, version = version + 1,
    feed_position = {position}
WHERE id IN (SELECT id FROM picked) AND status IN ('scheduled', 'queued')
RETURNING id
"""

# Puts many failed or cancelled jobs without a unique key back into their queues.
# Parameters: for each job its id and its new fair position (REQUEUE_ROW).
# Rows: (job id,) of those requeued.
REQUEUE: Final = """
WITH requeued (job_id, new_position) AS (VALUES {rows})
UPDATE jobs_job SET status = 'queued', fair_position = new_position, failures = 0, lost_count = 0,
    cancel_requested = FALSE, cancelled_by = '', error_type = '', error_message = '',
    result = NULL, run_after = NULL, finished_at = NULL, progress_done = NULL,
    progress_total = NULL, progress_message = '', progress_stage = NULL, warnings = NULL,
    version = version + 1
FROM requeued WHERE id = job_id AND status IN ('failed', 'cancelled') AND unique_slot IS NULL
RETURNING id
"""
REQUEUE_ROW: Final = {"postgresql": "(%s::uuid, %s::bigint)", "sqlite": "(%s, %s)"}

# One statement for all attempts that ended since the last commit: a statement for each would hold
# SQLite's one write lock while Python switches threads between them. A cancel that was requested
# wins over every outcome except success.
# Parameters: for each attempt the columns of ``outcome`` in order (OUTCOME_ROW).
# ``new_finished_at`` is NULL when the job waits again, ``new_run_after`` when it does not wait for
# a time: then the job keeps the one that it has, which its ``TaskResult`` shows.
# ``added_failures`` and ``added_losses`` are 0 or 1.
# Rows: (job id, attempt number, status) of those written; a missing one came too late.
FINISH: Final = """
WITH outcome (job_id, attempt_number, new_status, ended_at, new_finished_at, new_error_type,
    new_error_message, new_result, new_run_after, added_failures, added_losses)
    AS (VALUES {rows})
UPDATE jobs_job SET
    status = CASE WHEN cancel_requested AND new_status <> 'succeeded' THEN 'cancelled'
        ELSE new_status END,
    finished_at = CASE WHEN cancel_requested THEN ended_at ELSE new_finished_at END,
    error_type = CASE WHEN cancel_requested AND new_status <> 'succeeded' THEN 'Cancelled'
        ELSE new_error_type END,
    error_message = CASE WHEN cancel_requested AND new_status <> 'succeeded'
        THEN 'cancelled by ' || cancelled_by ELSE new_error_message END,
    result = new_result,
    run_after = CASE WHEN cancel_requested THEN run_after
        ELSE COALESCE(new_run_after, run_after) END,
    consumer_id = NULL, failures = failures + added_failures,
    lost_count = lost_count + added_losses, version = version + 1,
    feed_position = CASE WHEN cancel_requested OR new_finished_at IS NOT NULL THEN {position}
        ELSE feed_position END
FROM outcome WHERE id = job_id AND attempt = attempt_number AND status = 'running'
RETURNING id, attempt, status
"""

# PostgreSQL takes an untyped value in VALUES for text; SQLite has no such types.
OUTCOME_ROW: Final = {
    "postgresql": "(%s::uuid, %s::int, %s, %s::timestamptz, %s::timestamptz, %s, %s, %s::jsonb,"
    " %s::timestamptz, %s::int, %s::int)",
    "sqlite": "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
}

# Parameters: for each attempt the columns in order (ATTEMPT_ROW). No rows.
ADD_ATTEMPTS: Final = """
INSERT INTO jobs_attempt (job_id, number, consumer, started_at, ended_at, outcome, error_type,
    message, traceback) VALUES {rows}
"""
ATTEMPT_ROW: Final = "(%s, %s, %s, %s, %s, %s, %s, %s, %s)"

# The columns that a submission sets, in the order of their parameters. Columns that are in neither
# list and may be NULL start as NULL. A test compares both lists with the model.
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
# Those that few jobs have, or that none has in many projects; bound only where there is a value.
OPTIONAL_COLUMNS: Final = ("traceparent", "request_id")
# The columns that start with the same value in every job, with that value in SQL.
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

_COLUMNS: Final = ", ".join([*JOB_COLUMNS, *OPTIONAL_COLUMNS, *CONSTANT_COLUMNS, "fair_position"])
_BOUND: Final = ["%s"] * len(JOB_COLUMNS)
# Parameters: for each job those of ``insert_row``. No rows.
INSERT_JOB: Final = f"INSERT INTO jobs_job ({_COLUMNS}) VALUES {{rows}}"  # noqa: S608
# Many jobs that differ in three columns only. These come as one JSON array of [id, kwargs, index]:
# binding seventeen values for each job takes twice as long as inserting it.
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
# Those that have keys of their own, behind them in the array.
EACH_KEY: Final = ("unique_key", "unique_slot", "idempotency_key", "idempotency_digest")
KEY_VALUE: Final = {"postgresql": "value ->> {}", "sqlite": "json_extract(value, '$[{}]')"}
INSERT_MANY: Final = "INSERT INTO jobs_job ({columns}) SELECT {values} FROM {source}"
# Without the WHERE SQLite would take ON for the beginning of a join.
# Rows: (job id,) of those inserted; the keys of the others were taken.
UNLESS_TAKEN: Final = " WHERE TRUE ON CONFLICT DO NOTHING RETURNING id"


def fair_position(job: Job, vendor: str) -> str:
    """Return the SQL expression for the fair position of a new job.

    ``fair_position.fair_position_parameters`` returns its parameters.
    """
    return _fair_position(vendor, job.owner_id is None)


@cache
def _fair_position(vendor: str, without_owner: bool) -> str:
    owner = "owner_id IS NULL" if without_owner else "owner_id = %s"
    return FAIR_POSITION.format(larger=LARGER[vendor], owner=owner)


def insert_row(job: Job, vendor: str) -> str:
    """Return a job's row of values in ``INSERT_JOB``.

    Its parameters are the values of ``JOB_COLUMNS``, those of ``optional_values``, and those of
    ``fair_position``.
    """
    return _row(
        vendor, job.owner_id is None, job.traceparent is not None, job.request_id is not None
    )


@cache
def _row(vendor: str, without_owner: bool, traced: bool, requested: bool) -> str:
    values = [*_BOUND, *_optional(traced, requested), *CONSTANT_COLUMNS.values()]
    return f"({', '.join(values)}, {_fair_position(vendor, without_owner)})"


def _optional(*has_value: bool) -> list[str]:
    """Return the values of ``OPTIONAL_COLUMNS`` in SQL: nothing is bound for one without."""
    return ["%s" if has else "NULL" for has in has_value]


def optional_values(job: Job) -> list[str]:
    """Return the values of those of ``OPTIONAL_COLUMNS`` that a new job has."""
    values = (job.traceparent, job.request_id)
    return [value for value in values if value is not None]


def insert_many_statement(vendor: str, template: Job, *, keyed: bool = False) -> str:
    """Return the statement that inserts many jobs of one task.

    Its parameters are the values of ``JOB_COLUMNS`` except id and kwargs, ``optional_values`` of
    the template, the fair position of the first job, and the jobs as JSON (see ``EACH``).
    With ``keyed`` the values of ``EACH_KEY`` are in the JSON too, and not among the parameters.
    """
    each = dict(EACH[vendor])
    if keyed:
        each |= {name: KEY_VALUE[vendor].format(3 + n) for n, name in enumerate(EACH_KEY)}
    values = [each.get(name, "%s") for name in JOB_COLUMNS] + [
        *_optional(template.traceparent is not None, template.request_id is not None),
        *CONSTANT_COLUMNS.values(),
        each["fair_position"],
    ]
    statement = INSERT_MANY.format(
        columns=_COLUMNS, values=", ".join(values), source=each["source"]
    )
    return statement + UNLESS_TAKEN if keyed else statement
