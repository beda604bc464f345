"""A request becomes a row."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from ..models import Job, UploadUse
from ..states import Status
from .adapting import Adapter
from .sql import connection, record_statement, run


def record(job: Job, uploads: Sequence[uuid.UUID] = ()) -> None:
    """Insert a new job: queued, or scheduled when it is to run later.

    A plain job is one statement that commits by itself: several statements in a transaction would
    hold SQLite's one write lock while Python switches threads between them. Inside the caller's
    ``atomic()`` the row belongs to the caller's transaction.

    Raises:
        IntegrityError: its unique slot or idempotency key is taken; a transaction of the caller's
            stays usable.
        OperationalError: the database cannot take it.
    """
    job.status = first_status(job)
    if not uploads and job.unique_slot is None and job.idempotency_key is None:
        _insert(job)
        return
    with transaction.atomic(using=connection().alias):
        _insert(job)
        UploadUse.objects.bulk_create(
            UploadUse(upload_id=upload, job_id=job.id) for upload in uploads
        )


def first_status(job: Job) -> Status:
    """Queued, or scheduled when it is to run later."""
    later = job.run_after is not None and job.run_after > job.created_at
    return Status.SCHEDULED if later else Status.QUEUED


def _insert(job: Job) -> None:
    db = connection()
    adapt = Adapter(db)
    run(db, record_statement(job), [*adapt.given(job), *adapt.turn(job)])
    job._state.adding = False
    job._state.db = db.alias
