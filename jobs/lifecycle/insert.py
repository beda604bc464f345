"""A submitted job becomes a row; many jobs of one task become rows at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs import brokers
from jobs.core.db import Adapter, can_send_many, connection, run
from jobs.core.states import Status
from jobs.models import Job, UploadUse

from .fair_position import fair_position_parameters, next_fair_position
from .group_commit import group_commit_for
from .notify_in_message import run_and_notify
from .sql import INSERT_JOB, JOB_COLUMNS, insert_many_statement, insert_row

BATCH_SIZE = 1000


class NewJob(NamedTuple):
    """What differs from job to job in one ``insert_many``: ``kwargs`` is JSON text."""

    id: uuid.UUID
    kwargs: str
    uploads: Sequence[uuid.UUID]


def insert_job(job: Job, uploads: Sequence[uuid.UUID] = (), *, ring: bool = False) -> bool:
    """Insert a new job: queued, or scheduled when it is to run later.

    A plain job is one statement that commits by itself: several statements in a transaction would
    hold SQLite's one write lock while Python switches threads between them. Inside the caller's
    ``atomic()`` the row belongs to the caller's transaction.

    Returns whether consumers have been told of it: with ``ring``, where that costs no message more.

    Raises:
        IntegrityError: its unique slot or idempotency key is taken; a transaction of the caller's
            stays usable.
        OperationalError: the database cannot take it.
    """
    job.status = initial_status(job)
    db = connection()
    taken = job.unique_slot is not None or job.idempotency_key is not None
    if uploads or (db.in_atomic_block and taken):
        with transaction.atomic(using=db.alias):
            _insert(job, db)
            note_upload_uses((job.id, upload) for upload in uploads)
        return False
    return _insert(job, db, ring=ring and job.status == Status.QUEUED)


def _insert(job: Job, db: BaseDatabaseWrapper, *, ring: bool = False) -> bool:
    adapt = Adapter(db)
    row = insert_row(job, db.vendor)
    parameters = [*job_values(job, adapt), *fair_position_parameters(job, adapt)]
    alone = not db.in_atomic_block and db.get_autocommit()
    bell = brokers.notify_statement(job.queue) if ring and alone and can_send_many(db) else None
    if db.vendor == "sqlite" and alone:
        group_commit_for(db).insert(db, row, parameters)
    elif bell is not None:
        run_and_notify(db, INSERT_JOB.format(rows=row), parameters, bell)
    else:
        run(db, INSERT_JOB.format(rows=row), parameters)
    job._state.adding = False
    job._state.db = db.alias
    return bell is not None


def insert_many(template: Job, many: Iterable[NewJob]) -> None:
    """Insert jobs that equal the template except for what ``NewJob`` holds: all of them or none.

    Raises:
        OperationalError: the database cannot take them.
    """
    template.status = initial_status(template)
    db = connection()
    statement = insert_many_statement(db.vendor)
    with transaction.atomic(using=db.alias):
        position = next_fair_position(template)
        for batch in _batches(many):
            run(db, statement, _batch_parameters(template, batch, position, Adapter(db)))
            note_upload_uses((job.id, upload) for job in batch for upload in job.uploads)
            position += len(batch)


def _batches(many: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    rest = iter(many)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


def _batch_parameters(
    template: Job, batch: list[NewJob], position: int, adapt: Adapter
) -> list[Any]:
    values = dict(zip(JOB_COLUMNS, job_values(template, adapt), strict=True))
    shared = [value for name, value in values.items() if name not in {"id", "kwargs"}]
    rows = (f'["{job.id.hex}",{job.kwargs},{index}]' for index, job in enumerate(batch))
    return [*shared, position, f"[{','.join(rows)}]"]


def job_values(job: Job, adapt: Adapter) -> list[Any]:
    """The values of a new job's columns, in the order of ``JOB_COLUMNS``."""
    row = {**vars(job), "id": adapt.uuid(job.id), "owner_id": adapt.key(job.owner_id)}
    row["args"], row["kwargs"] = adapt.json(job.args), adapt.json(job.kwargs)
    row["created_at"], row["run_after"] = adapt.time(job.created_at), adapt.time(job.run_after)
    return [row[name] for name in JOB_COLUMNS]


def note_upload_uses(pairs: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """Record which jobs use which uploads: as long as one does, the file is kept.

    Args:
        pairs: the ids of a job and of an upload.
    """
    UploadUse.objects.bulk_create(
        (UploadUse(upload_id=upload, job_id=job) for job, upload in pairs), batch_size=500
    )


def initial_status(job: Job) -> Status:
    """Queued, or scheduled when it is to run later."""
    later = job.run_after is not None and job.run_after > job.created_at
    return Status.SCHEDULED if later else Status.QUEUED
