"""Since when the oldest job of each queue waits, without reading all that wait."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from jobs.core.db import as_time, connection, run
from jobs.lifecycle.sql import LARGER

LOOKED_AT: Final = 50
"""So many jobs of each priority are looked at, those that are claimed next. With 100 PostgreSQL
estimates more than ``jit_above_cost`` (for ten times the queues that there are) and compiles the
statement: 45 ms instead of 3."""
MOST_LANES: Final = 1_000

# A loose index scan of the queues and their priorities ("lanes"), then the head of each in the
# order of its claims. A job gets its fair position when it is queued, behind its owner's others and
# never before the lowest: so the job that has waited for longest is at the head, behind at most one
# job of each other owner and those that were handed back. Its id tells nothing: a job that was
# scheduled long ago and has just come due has an old one.
# (MAX of SQLite is NULL when one of its values is.)
# Parameters: number of jobs, number of lanes. Rows: (queue, time).
_OLDEST: Final = """
WITH RECURSIVE lanes (queue, priority) AS (
    SELECT queue, priority FROM jobs_job WHERE id = (
        SELECT id FROM jobs_job WHERE status = 'queued'
        ORDER BY queue, priority DESC, fair_position, id LIMIT 1)
    UNION ALL
    SELECT following.queue, following.priority
    FROM lanes JOIN jobs_job AS following ON following.id = COALESCE((
        SELECT id FROM jobs_job
        WHERE status = 'queued' AND queue = lanes.queue AND priority < lanes.priority
        ORDER BY queue, priority DESC, fair_position, id LIMIT 1
    ), (
        SELECT id FROM jobs_job WHERE status = 'queued' AND queue > lanes.queue
        ORDER BY queue, priority DESC, fair_position, id LIMIT 1))
)
SELECT queue, MIN(since) FROM (
    SELECT queue, (
        SELECT MIN(since) FROM (
            SELECT {larger}(created_at, COALESCE(run_after, created_at), COALESCE((
                SELECT MAX(ended_at) FROM jobs_attempt WHERE job_id = head.id
            ), created_at)) AS since
            FROM jobs_job AS head
            WHERE status = 'queued' AND queue = lanes.queue AND priority = lanes.priority
            ORDER BY fair_position, id LIMIT %s) AS heads
    ) AS since FROM lanes LIMIT %s) AS found
GROUP BY queue
"""


def waiting_since() -> dict[str, datetime]:
    """For each queue in which jobs wait, since when the oldest could have been taken.

    It costs by the number of queues and priorities. With more than ``LOOKED_AT`` owners, or as many
    jobs that were handed back, it may be the time of one that waits nearly as long.
    """
    db = connection()
    rows = run(db, _OLDEST.format(larger=LARGER[db.vendor]), [LOOKED_AT, MOST_LANES])
    times = {queue: as_time(since) for queue, since in rows}
    return {queue: since for queue, since in times.items() if since is not None}
