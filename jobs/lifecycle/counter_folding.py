"""Adding up the counts of threads and processes that write no more."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from jobs.core.db import Adapter, connection, run, write_transaction
from jobs.models.counter import COLUMNS

from .counters import MOST_PAIRS, OTHER, Tally, TaskQueue, add_counts

FOLDED: Final = uuid.UUID(int=0)
"""The shard with the counts of the past."""
QUIET: Final = timedelta(minutes=10)
"""A shard that was not written for so long is folded. If its thread writes again, it begins anew:
nobody needs to know which thread still lives."""
MOST_ROWS: Final = 500

# Parameters: shard, time, limit. Rows: (id, task, queue, the values of ``COLUMNS``).
QUIET_ROWS: Final = f"""
SELECT id, task, queue, {", ".join(COLUMNS)} FROM jobs_counter
WHERE shard <> %s AND updated_at < %s ORDER BY id LIMIT %s {{lock}}
"""  # noqa: S608
# Parameter: shard. Rows: (task, queue).
PAIRS: Final = "SELECT task, queue FROM jobs_counter WHERE shard = %s"
# Parameters: the ids. No rows.
DELETE_ROWS: Final = "DELETE FROM jobs_counter WHERE id IN ({ids})"


def fold_counters(now: datetime) -> int:
    """Add the counts of quiet shards to those of the past; return how many rows that took away.

    Two processes may do it at the same time. Only so many tasks and queues are told apart
    (``MOST_PAIRS``); the counts of others are added to one row.
    """
    db = connection()
    adapt = Adapter(db)
    folded = adapt.uuid(FOLDED)
    lock = "FOR UPDATE SKIP LOCKED" if db.features.has_select_for_update_skip_locked else ""
    parameters = [folded, adapt.time(now - QUIET), MOST_ROWS]
    if not run(db, QUIET_ROWS.format(lock=""), [*parameters[:2], 1]):
        return 0
    with write_transaction():
        rows = run(db, QUIET_ROWS.format(lock=lock), parameters)
        if not rows:  # another process has
            return 0
        kept: set[TaskQueue] = {(task, queue) for task, queue in run(db, PAIRS, [folded])}
        counted: Tally = {}
        for _, task, queue, *values in rows:
            pair = _kept_pair((task, queue), kept)
            before = counted.get(pair, [0] * len(values))
            counted[pair] = [sum(both) for both in zip(before, values, strict=True)]
        ids = [row[0] for row in rows]
        run(db, DELETE_ROWS.format(ids=", ".join(["%s"] * len(ids))), ids)
        run(db, *add_counts(adapt, counted, now, FOLDED))
    return len(rows)


def _kept_pair(pair: TaskQueue, kept: set[TaskQueue]) -> TaskQueue:
    if pair not in kept and len(kept) >= MOST_PAIRS:
        return OTHER
    kept.add(pair)
    return pair
