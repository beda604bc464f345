"""A job's position in its queue, by which owners take turns."""

from __future__ import annotations

from typing import Any

from jobs.core.db import Adapter, connection, run
from jobs.models import Job

from .sql import fair_position


def next_fair_position(job: Job) -> int:
    """Return the position that a job would get if it were queued now."""
    db = connection()
    statement = f"SELECT {fair_position(job, db.vendor)}"
    return int(run(db, statement, fair_position_parameters(job, Adapter(db)))[0][0])


def fair_position_parameters(job: Job, adapt: Adapter) -> list[Any]:
    """Return the parameters of ``sql.fair_position`` for a job."""
    lane = [job.queue, job.priority]
    if job.owner_id is None:
        return [*lane, *lane]
    return [*lane, adapt.key(job.owner_id), *lane]
