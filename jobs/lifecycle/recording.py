"""A request becomes a row."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .. import brokers
from ..models import Job, UploadUse
from ..states import Status
from .adapting import Adapter
from .behind import run_and_ring
from .sql import RECORD, connection, record_row, run, takes_many
from .together import line_to


def record(job: Job, uploads: Sequence[uuid.UUID] = (), *, ring: bool = False) -> bool:
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
    job.status = first_status(job)
    db = connection()
    taken = job.unique_slot is not None or job.idempotency_key is not None
    if uploads or (db.in_atomic_block and taken):
        with transaction.atomic(using=db.alias):
            _insert(job, db)
            note_uses((job.id, upload) for upload in uploads)
        return False
    return _insert(job, db, ring=ring and job.status == Status.QUEUED)


def note_uses(pairs: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """Note which jobs use which uploads: as long as one does, the file is kept."""
    UploadUse.objects.bulk_create(
        (UploadUse(upload_id=upload, job_id=job) for job, upload in pairs), batch_size=500
    )


def first_status(job: Job) -> Status:
    """Queued, or scheduled when it is to run later."""
    later = job.run_after is not None and job.run_after > job.created_at
    return Status.SCHEDULED if later else Status.QUEUED


def _insert(job: Job, db: BaseDatabaseWrapper, *, ring: bool = False) -> bool:
    adapt = Adapter(db)
    row, parameters = record_row(job, db.vendor), [*adapt.given(job), *adapt.turn(job)]
    alone = not db.in_atomic_block and db.get_autocommit()
    bell = brokers.ring_along(job.queue) if ring and alone and takes_many(db) else None
    if db.vendor == "sqlite" and alone:
        line_to(db).insert(db, row, parameters)
    elif bell is not None:
        run_and_ring(db, RECORD.format(rows=row), parameters, bell)
    else:
        run(db, RECORD.format(rows=row), parameters)
    job._state.adding = False
    job._state.db = db.alias
    return bell is not None
