"""The position of an ended job in the results feed: one column, set by the statement that ends it.

A position is about the time of the ending in microseconds since 1970, and one that was given out
never comes again, whatever happens to the database: it may be dumped and restored, moved, or go
over to a standby, all of which may set transaction numbers back.

On SQLite there is one writer at a time: one more than the greatest position, or the time now.

PostgreSQL commits out of order, so a reader must know what may still come before what it sees.
There the position is the number of the transaction, which ``pg_snapshot_xmin`` can be compared
with, and ``base`` of the ``FeedClock``, which makes a time of it: a server has less than a million
transactions a second, so that a later base with an earlier number is always more than an earlier
base with a later number. The clock counts for one run of the server, since numbers go back only
where a server starts. While there is no clock (nobody has read the feed since the server's start)
the position is the time; ``jobs.feed.clock`` says how a reader gets from one to the other.

Nothing here waits for another transaction. PostgreSQL evaluates each subquery once a statement,
and not at all for an attempt after which its job waits again.
"""

from __future__ import annotations

from typing import Final

_NEXT: Final = """COALESCE((
    SELECT ended.feed_position + 1 FROM jobs_job AS ended WHERE ended.feed_position IS NOT NULL
    ORDER BY ended.feed_position DESC LIMIT 1
), 0)"""

NOW: Final = {
    "postgresql": "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS integer)",
}
"""The time now in microseconds since 1970."""

TIME_POSITION: Final = {
    "postgresql": f"GREATEST({NOW['postgresql']}, {_NEXT})",
    "sqlite": f"MAX({NOW['sqlite']}, {_NEXT})",
}
"""The time now, or what is more than every position that is there."""

FEED_POSITION: Final = {
    "postgresql": f"""COALESCE((
    SELECT base + CAST(CAST(pg_current_xact_id() AS text) AS bigint) FROM jobs_feedclock
    WHERE server_started = pg_postmaster_start_time()
), {TIME_POSITION["postgresql"]})""",  # noqa: S608
    "sqlite": TIME_POSITION["sqlite"],
}
"""SQL without parameters, by the vendor of the database."""
