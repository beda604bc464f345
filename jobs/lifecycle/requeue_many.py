"""Retry many failed or cancelled jobs in few statements."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from jobs.brokers.registry import notify_after_commit
from jobs.catalog.registry import load_task
from jobs.core.db import Adapter, as_uuid, connection, run, write_transaction
from jobs.core.states import Status
from jobs.errors import UnknownTask
from jobs.models import Job

from .fair_position import next_fair_position
from .followers import follower
from .queues import MOST_NOTIFIED
from .sql import REQUEUE, REQUEUE_ROW

_COLUMNS = ("id", "task", "module_path", "queue", "priority", "owner_id")


def requeue_jobs(job_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Put those of the jobs back into their queues that can be, in one transaction; return which.

    ``requeue_job`` does it for the others, those with a unique key, or tells why it cannot be done.

    Args:
        job_ids: some hundreds at most; each is a parameter.
    """
    rows = Job.objects.filter(pk__in=job_ids, unique_slot=None)
    rows = rows.filter(status__in=[Status.FAILED, Status.CANCELLED])
    found = [job for job in rows.only(*_COLUMNS).order_by("id") if _has_task(job)]
    if not found:
        return set()
    db = connection()
    with write_transaction():
        follower().keep_endings([job.pk for job in found])
        parameters = _with_positions(found, Adapter(db))
        statement = REQUEUE.format(rows=", ".join([REQUEUE_ROW[db.vendor]] * len(found)))
        requeued = {as_uuid(key) for (key,) in run(db, statement, parameters)}
        changed = [(job.queue, job.pk) for job in found if job.pk in requeued]
        notify_after_commit(changed[:MOST_NOTIFIED])
    return requeued


def _has_task(job: Job) -> bool:
    try:
        load_task(job.task, job.module_path)
    except UnknownTask:
        return False
    return True


def _with_positions(jobs: Sequence[Job], adapt: Adapter) -> list[Any]:
    """Each job's id and fair position: one after the other for the jobs of one owner."""
    lanes: dict[tuple[Any, ...], list[Job]] = defaultdict(list)
    for job in jobs:
        lanes[job.queue, job.priority, job.owner_id].append(job)
    return [
        value
        for lane in lanes.values()
        for position, job in enumerate(lane, next_fair_position(lane[0]))
        for value in (adapt.uuid(job.pk), position)
    ]
