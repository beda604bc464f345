"""How many jobs there are of a queue and of a user, counted no further than a limit.

Each count reads entries of one index only, and no more of them than the limit: with ORDER BY and
LIMIT, because PostgreSQL would otherwise read the table from its start when many jobs wait.
"""

from __future__ import annotations

import math
import time
import uuid
from typing import Any, Final

from jobs.core.db import Adapter, as_uuid, connection, run
from jobs.core.uuid7 import first_uuid7, uuid7_time

# Parameters: queue, limit, queue, limit. One row: (queued jobs, scheduled jobs).
WAITING: Final = """
SELECT (SELECT COUNT(*) FROM (
        SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = %s
        ORDER BY priority DESC, fair_position, id LIMIT %s) AS waiting),
    (SELECT COUNT(*) FROM (
        SELECT 1 FROM jobs_job WHERE status = 'scheduled' AND priority >= -100 AND queue = %s
        ORDER BY owner_id LIMIT %s) AS later)
"""
# The index of the queued jobs that has their owners begins with queue and priority. So the pairs
# that occur are found first, each by one look into the index (few of a project's queues and
# priorities are in use at a time), and the owner's jobs are counted in each. Of the running jobs,
# which are as many as there are slots, all are read: the index of owners has finished jobs as well.
# Parameters: owner id, limit, owner id, limit, owner id.
# One row: (queued jobs, scheduled jobs, running jobs).
UNFINISHED: Final = """
WITH RECURSIVE lane (queue, priority) AS (
    SELECT * FROM (
        SELECT jobs_job.queue, jobs_job.priority FROM jobs_job WHERE status = 'queued'
        ORDER BY jobs_job.queue, jobs_job.priority LIMIT 1) AS first
    UNION ALL
    SELECT jobs_job.queue, jobs_job.priority FROM lane JOIN jobs_job ON jobs_job.id = (
        SELECT beyond.id FROM jobs_job AS beyond WHERE beyond.status = 'queued'
            AND (beyond.queue, beyond.priority) > (lane.queue, lane.priority)
        ORDER BY beyond.queue, beyond.priority LIMIT 1)
), running AS MATERIALIZED (SELECT owner_id FROM jobs_job WHERE status = 'running')
SELECT (SELECT COALESCE(SUM((SELECT COUNT(*) FROM (
            SELECT 1 FROM jobs_job WHERE status = 'queued' AND jobs_job.queue = lane.queue
                AND jobs_job.priority = lane.priority AND owner_id = %s
            ORDER BY owner_id, fair_position LIMIT %s) AS queued)), 0) FROM lane),
    (SELECT COUNT(*) FROM (
        SELECT 1 FROM jobs_job WHERE status = 'scheduled' AND owner_id = %s
        ORDER BY owner_id LIMIT %s) AS later),
    (SELECT COUNT(*) FROM running WHERE owner_id = %s)
"""
# The ids are in the order of submission, and hold its time.
# Parameters: owner id, the first id that counts, limit. One row: (jobs,).
RECENT: Final = """
SELECT COUNT(*) FROM (
    SELECT 1 FROM jobs_job WHERE owner_id = %s AND id >= %s ORDER BY id DESC LIMIT %s) AS recent
"""
# Parameters: owner id, the first id that counts, how many come after it. Rows: (job id,).
NTH_NEWEST: Final = """
SELECT id FROM jobs_job WHERE owner_id = %s AND id >= %s ORDER BY id DESC LIMIT 1 OFFSET %s
"""


def waiting_jobs(queue: str, limit: int) -> int:
    """Count the queued and the scheduled jobs of a queue, no further than the limit."""
    [counts] = run(connection(), WAITING, [queue, limit, queue, limit])
    return min(limit, int(sum(counts)))


def unfinished_jobs(owner: Any, limit: int) -> int:
    """Count the jobs of a user that have not finished, no further than the limit.

    Args:
        owner: the user's key.
        limit: how many are counted.
    """
    db = connection()
    key = Adapter(db).key(owner)
    [counts] = run(db, UNFINISHED, [key, limit, key, limit, key])
    return min(limit, int(sum(counts)))


def recent_jobs(owner: Any, seconds: int, limit: int) -> int:
    """Count the jobs that a user has submitted within these seconds, no further than the limit."""
    db, adapt = connection(), Adapter(connection())
    [(count,)] = run(db, RECENT, [adapt.key(owner), adapt.uuid(_first(seconds)), limit])
    return int(count)


def seconds_until_room(owner: Any, seconds: int, limit: int) -> int:
    """Return when a user may submit the next job, who has reached the limit of these seconds."""
    db, adapt = connection(), Adapter(connection())
    parameters = [adapt.key(owner), adapt.uuid(_first(seconds)), limit - 1]
    rows = run(db, NTH_NEWEST, parameters)
    made = uuid7_time(as_uuid(rows[0][0])) if rows else None
    if made is None:
        return 1
    left = made.timestamp() + seconds - time.time()
    return min(max(1, math.ceil(left)), seconds)


def _first(seconds: int) -> uuid.UUID:
    return first_uuid7(time.time() - seconds)
