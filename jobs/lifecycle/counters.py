"""Counting, for monitoring, how jobs and attempts end: in the transaction that writes the end.

So no count is lost when a process is killed, none is written twice, and the numbers agree with the
rows. It costs one statement for each batch of outcomes, whatever their number (on PostgreSQL in the
message of another one). Nothing reads the counts to decide anything.
"""

from __future__ import annotations

import threading
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import chain, compress
from typing import Any, Final

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from jobs.core.db import Adapter, as_time, run
from jobs.core.states import COUNTED_FAILURES, FINAL, AttemptOutcome, Status
from jobs.models.counter import (
    BOUNDS,
    COLUMNS,
    RETRIED,
    RUN,
    SUMS,
    WAIT,
    attempts_column,
    jobs_column,
)

from .claim import Claim
from .outcome import Outcome

TaskQueue = tuple[str, str]
Tally = dict[TaskQueue, list[float]]
"""What is added for each task and queue, in the order of ``COLUMNS``."""

OTHER: Final[TaskQueue] = ("(other)", "(other)")
MOST_PAIRS: Final = 500
"""So many tasks and queues are told apart; what comes later is counted together. Where any name
will do for a queue, submitters could otherwise make as many series as they like."""

# Adds to what is there. Parameters: for each row shard, task, queue, now and the values of the
# columns. No rows.
ADD_COUNTS: Final = """
INSERT INTO jobs_counter (shard, task, queue, updated_at, {columns}) VALUES {rows}
ON CONFLICT (shard, task, queue) DO UPDATE SET updated_at = excluded.updated_at, {sums}
"""
# Parameters: shard, now, job ids. No rows.
ADD_CANCELLED: Final = """
INSERT INTO jobs_counter (shard, task, queue, updated_at, jobs_cancelled)
SELECT %s, task, queue, %s, COUNT(*) FROM jobs_job WHERE id IN ({ids}) GROUP BY task, queue
ON CONFLICT (shard, task, queue) DO UPDATE SET updated_at = excluded.updated_at,
    jobs_cancelled = jobs_counter.jobs_cancelled + excluded.jobs_cancelled
"""

_NOTHING: Final = [0.0 if name in SUMS else 0 for name in COLUMNS]
_PLACE: Final = {name: place for place, name in enumerate(COLUMNS)}
_PLACES: Final = range(len(COLUMNS))
_SUCCEEDED: Final = _PLACE[jobs_column(Status.SUCCEEDED)]
_RUN, _RUN_SUM = _PLACE[f"{RUN}_0"], _PLACE[f"{RUN}_seconds"]
_WAIT, _WAIT_SUM = _PLACE[f"{WAIT}_0"], _PLACE[f"{WAIT}_seconds"]


class _Shard(threading.local):
    """A thread has one transaction at a time, so it never waits for its own rows."""

    def __init__(self) -> None:
        self.id = uuid.uuid4()


_shard = _Shard()
_known: set[TaskQueue] = set()


def tally(db: BaseDatabaseWrapper, ended: Iterable[tuple[Outcome, str]]) -> Tally:
    """Add up attempts that have ended, each with the status that its job has now.

    It costs some 1.3 microseconds for a job (measured on a busy machine), most of it for the two
    histograms.
    """
    zone = db.timezone if settings.USE_TZ else None
    found: Tally = {}
    for outcome, status in ended:
        claim, seconds = outcome.claim, outcome.seconds
        counts = found.get((claim.task, claim.queue))
        if counts is None:
            counts = found.setdefault(_pair(claim.task, claim.queue), list(_NOTHING))
        if status == "succeeded":
            counts[_SUCCEEDED] += 1
        else:
            _count_other(counts, outcome.outcome, Status(status))
        if seconds is not None:
            counts[_RUN + bisect_left(BOUNDS, seconds)] += 1
            counts[_RUN_SUM] += seconds
            if claim.attempt == 1:
                waited = _waited(claim, outcome.ended_at, zone) - seconds
                counts[_WAIT + bisect_left(BOUNDS, waited)] += 1
                counts[_WAIT_SUM] += max(waited, 0.0)  # the clocks may be those of two machines
    return found


def _count_other(counts: list[float], outcome: AttemptOutcome, status: Status) -> None:
    counts[_PLACE[attempts_column(outcome)]] += 1
    if status in FINAL:
        counts[_PLACE[jobs_column(status)]] += 1
    elif outcome in COUNTED_FAILURES:
        counts[_PLACE[RETRIED]] += 1


def _pair(task: str, queue: str) -> TaskQueue:
    pair = (task, queue)
    if pair not in _known:
        if len(_known) >= MOST_PAIRS:
            return OTHER
        _known.add(pair)
    return pair


def _waited(claim: Claim, until: datetime, zone: tzinfo | None) -> float:
    """Seconds since a job could have been taken for the first time."""
    due: datetime | str | None = claim.created_at
    if claim.run_after is not None:
        due = max(filter(None, (as_time(due), as_time(claim.run_after))))
    if isinstance(due, str):
        due = datetime.fromisoformat(due)
    if due is None:
        return 0.0
    if zone is not None and due.tzinfo is None:  # as ``as_time``, at a third of its cost
        due = due.replace(tzinfo=zone)
    return (until - due).total_seconds()


def add_counts(
    adapt: Adapter,
    counted: Mapping[TaskQueue, Sequence[float]],
    now: datetime,
    shard: uuid.UUID | None = None,
) -> tuple[str, list[Any]]:
    """Return the statement that adds to a shard, by default this thread's, and its parameters.

    It names only the columns that are added to: few of them change in a batch.
    Its rows come in one order, so that two of those who fold never wait for each other.

    Args:
        adapt: of the connection.
        counted: what to add.
        now: about now. One that ``adapt`` has had before costs nothing, another 4 microseconds.
        shard: whose counts these are.
    """
    key, time = adapt.uuid(shard or _shard.id), adapt.time(now)
    pairs = sorted(counted)
    places = tuple(sorted({p for values in counted.values() for p in compress(_PLACES, values)}))
    rows = ([key, *pair, time, *(counted[pair][place] for place in places)] for pair in pairs)
    return _statement(places, len(pairs)), list(chain.from_iterable(rows))


@lru_cache(maxsize=256)
def _statement(places: tuple[int, ...], rows: int) -> str:
    names = [COLUMNS[place] for place in places]
    return ADD_COUNTS.format(
        columns=", ".join(names),
        rows=", ".join([f"({', '.join(['%s'] * (4 + len(names)))})"] * rows),
        sums=", ".join(f"{name} = jobs_counter.{name} + excluded.{name}" for name in names),
    )


def count_cancelled(db: BaseDatabaseWrapper, job_ids: Sequence[uuid.UUID]) -> None:
    """Count jobs that were cancelled while they waited.

    Args:
        job_ids: some hundreds at most; each is a parameter.
    """
    if not job_ids:
        return
    adapt = Adapter(db)
    statement = ADD_CANCELLED.format(ids=", ".join(["%s"] * len(job_ids)))
    shard, now = adapt.uuid(_shard.id), adapt.time(timezone.now())
    run(db, statement, [shard, now, *map(adapt.uuid, job_ids)])
