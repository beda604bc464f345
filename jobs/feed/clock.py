"""Up to which position the feed is complete: nothing can come any more before that.

On SQLite everything that can be seen is complete. On PostgreSQL a transaction with a lower number
may commit after one with a higher number was read, so a reader goes no further than the oldest
transaction that is under way. That counts for the transactions of all databases of the server: one
that is left open there holds the feed back, and ``held_back`` tells of it.

Before the clock of a server's run is written, positions are times, which cannot be compared with a
transaction. Who writes it waits for those that may not have seen it: whoever has changed a job
holds a lock on the table until the transaction ends, and who takes that lock later sees the clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from jobs.core.db import as_time, connection, run
from jobs.errors import Unavailable
from jobs.lifecycle.feed_position import TIME_POSITION

EVERYTHING: Final = 2**63 - 1
SETTLE_SECONDS: Final = 5.0
"""How long a reader waits for the transactions that may not have seen the clock."""
MARGIN: Final = 30_000_000
"""Microseconds by which the clock is ahead of time: a transaction that does not see it has a
position of the time when its statement began, which is before the clock was committed, though
perhaps not before it was written. All those lie behind."""
LATE: Final = timedelta(seconds=5)
"""A job that ended so long ago and is not in the feed yet is held back."""
_PAUSE: Final = 0.01

# Who reads inside the transaction that has ended jobs, as a test does, is shown them.
# No parameters. Rows: (the bound, whether the clock is settled), none without a clock.
_BOUND: Final = """
SELECT base + CAST(CAST(pg_snapshot_xmin(now_running) AS text) AS bigint) + CASE
        WHEN pg_snapshot_xmin(now_running) = pg_current_xact_id_if_assigned() THEN 1 ELSE 0 END,
    is_settled
FROM jobs_feedclock, pg_current_snapshot() AS now_running
WHERE server_started = pg_postmaster_start_time()
"""
_WRITE_CLOCK: Final = f"""
INSERT INTO jobs_feedclock (id, server_started, base, is_settled) VALUES (
    1, pg_postmaster_start_time(),
    {TIME_POSITION["postgresql"]} + {MARGIN}
        - CAST(CAST(pg_current_xact_id() AS text) AS bigint), FALSE)
ON CONFLICT (id) DO UPDATE SET server_started = excluded.server_started, base = excluded.base,
    is_settled = FALSE
WHERE jobs_feedclock.server_started <> excluded.server_started
"""  # noqa: S608
_SETTLE: Final = """
UPDATE jobs_feedclock SET is_settled = TRUE
WHERE server_started = pg_postmaster_start_time() AND NOT is_settled
"""
# No parameters. Rows: (transaction,) of all others that are changing jobs.
_WRITERS: Final = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'jobs_job'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
"""
# Rows: (who,) of the oldest transaction that writes, in any database of the server. What other
# users' sessions do is hidden from who has no right to see it.
_OLDEST: Final = """
SELECT who FROM (
    SELECT age(backend_xid) AS age, 'process ' || pid || ' of ' || coalesce(usename, '?')
        || ' in the database ' || coalesce(datname, '?') || ', open since '
        || date_trunc('second', xact_start) AS who
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT age(transaction), 'the prepared transaction ' || gid || ' of ' || owner
        || ' in the database ' || database || ', since ' || date_trunc('second', prepared)
    FROM pg_prepared_xacts
) AS open_transactions ORDER BY age DESC LIMIT 1
"""
# Parameter: the bound. Rows: (finished at,), at most one.
_FIRST_BEYOND: Final = """
SELECT finished_at FROM jobs_job WHERE feed_position >= %s AND finished_at IS NOT NULL
ORDER BY feed_position, id LIMIT 1
"""


# Parameter: the bound. Rows: (position,), at most one.
_NEWEST: Final = """
SELECT feed_position FROM jobs_job WHERE feed_position IS NOT NULL AND feed_position < %s
ORDER BY feed_position DESC LIMIT 1
"""


class FeedClosed(Unavailable):
    """The results feed cannot be read yet: a transaction has been changing jobs since before it
    was first read after the start of the database server."""

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Jobs have ended and are not in the feed, because an older transaction is still open."""

    since: datetime
    """When the first of them ended."""


def complete_below(db: BaseDatabaseWrapper) -> int:
    """Return the position below which no job can be added to the feed any more.

    Raises:
        FeedClosed: a transaction has been changing jobs since before the clock was written.
    """
    if db.vendor != "postgresql":
        return EVERYTHING
    found = run(db, _BOUND, [])
    if not found:  # the first reader since the server's start
        run(db, _WRITE_CLOCK, [])
        found = run(db, _BOUND, [])
    bound, is_settled = found[0]
    if not is_settled:
        _settle(db)
        # The first bound may lie before what the transactions have written that were waited for.
        bound, _ = run(db, _BOUND, [])[0]
    return int(bound)


def newest_position() -> int:
    """Return the position of the job in the feed that ended last, 0 for none.

    Raises:
        FeedClosed: the feed cannot be read yet.
    """
    db = connection()
    found = run(db, _NEWEST, [complete_below(db)])
    return int(found[0][0]) if found else 0


def _settle(db: BaseDatabaseWrapper) -> None:
    """Wait until every transaction has ended that may have ended jobs without the clock."""
    deadline = time.monotonic() + SETTLE_SECONDS
    before = _writers(db)
    while before and (before := before & _writers(db)):
        if time.monotonic() > deadline:
            raise FeedClosed
        time.sleep(_PAUSE)
    run(db, _SETTLE, [])


def _writers(db: BaseDatabaseWrapper) -> set[str]:
    return {transaction for (transaction,) in run(db, _WRITERS, [])}


def held_back(db: BaseDatabaseWrapper, bound: int) -> HeldBack | None:
    """Return what an open transaction keeps out of the feed, None if that is nothing.

    Args:
        db: the database.
        bound: what ``complete_below`` has returned.
    """
    if bound == EVERYTHING:
        return None
    for (ended,) in run(db, _FIRST_BEYOND, [bound]):
        since = as_time(ended)
        if since is not None and timezone.now() - since > LATE:
            return HeldBack(since)
    return None


def held_back_now(db: BaseDatabaseWrapper) -> HeldBack | None:
    """Return what an open transaction keeps out of the feed now; writes nothing."""
    if db.vendor != "postgresql":
        return None
    found = run(db, _BOUND, [])
    return held_back(db, int(found[0][0])) if found else None


def oldest_transaction(db: BaseDatabaseWrapper) -> str:
    """Return which transaction holds the feed back, in words for an operator."""
    found = run(db, _OLDEST, [])
    return found[0][0] if found else "one that this database user may not see"
