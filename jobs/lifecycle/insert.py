"""A submitted job becomes a row, and consumers are notified of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from jobs import brokers
from jobs.core.db import Adapter, can_send_many, connection, run
from jobs.core.states import Status
from jobs.core.write_waits import own_lock_timeout
from jobs.models import Job, UploadUse

from .email_requests import EmailOption, note_email_request
from .fair_position import fair_position_parameters
from .group_commit import group_commit_for
from .insert_and_notify import run_and_notify
from .producer_span import producer_span
from .sql import INSERT_JOB, JOB_COLUMNS, insert_row, optional_values

SOON: Final = timedelta(seconds=3)
"""An idle consumer asks every two seconds what is due next: it is notified of what is sooner."""


def insert_job(
    job: Job, uploads: Sequence[uuid.UUID] = (), email: EmailOption | None = None
) -> None:
    """Insert a new job, queued or scheduled, and notify consumers once it is committed.

    A plain job is one statement that commits by itself: several statements in a transaction would
    hold SQLite's one write lock while Python switches threads between them. Inside the caller's
    ``atomic()`` the row belongs to the caller's transaction.

    Raises:
        IntegrityError: its unique slot or idempotency key is taken; a transaction of the caller's
            stays usable.
        OperationalError: the database cannot take it.
    """
    with producer_span(job):
        _insert_and_notify(job, uploads, email)


def _insert_and_notify(job: Job, uploads: Sequence[uuid.UUID], email: EmailOption | None) -> None:
    job.status = initial_status(job)
    db = connection()
    notification = None
    is_alone = not uploads and email is None
    if job.status == Status.QUEUED and is_alone and can_send_many(db) and _is_autocommit(db):
        notification = brokers.notify_statement(job.queue)
    if notification is not None:
        run_and_notify(db, *_insert_statement(job, db), notification)
        _mark_saved(job, db)
        return
    _insert(job, uploads, db, email)
    if job.status == Status.QUEUED or _is_due_soon(job):
        brokers.notify_after_commit([(job.queue, job.id)])


def insert_received_job(job: Job, uploads: Sequence[uuid.UUID] = ()) -> None:
    """Insert a new job that a message brought, as ``insert_job``, and notify nobody.

    The message itself wakes a consumer, and is acknowledged when the job is claimed.
    """
    job.status = initial_status(job)
    _insert(job, uploads, connection())


def _insert(
    job: Job,
    uploads: Sequence[uuid.UUID],
    db: BaseDatabaseWrapper,
    email: EmailOption | None = None,
) -> None:
    may_conflict = job.unique_slot is not None or job.idempotency_key is not None
    if uploads or email is not None or (db.in_atomic_block and may_conflict):
        with own_lock_timeout(db), transaction.atomic(using=db.alias):
            _insert_row(job, db)
            if email is not None:
                note_email_request(job, email, db)
            note_upload_uses((job.id, upload) for upload in uploads)
    else:
        _insert_row(job, db)


def _insert_row(job: Job, db: BaseDatabaseWrapper) -> None:
    if db.vendor == "sqlite" and _is_autocommit(db):
        adapt = Adapter(db)
        group_commit_for(db).insert(db, insert_row(job, db.vendor), _row_parameters(job, adapt))
    else:
        run(db, *_insert_statement(job, db))
    _mark_saved(job, db)


def _is_autocommit(db: BaseDatabaseWrapper) -> bool:
    return not db.in_atomic_block and db.get_autocommit()


def _insert_statement(job: Job, db: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
    statement = INSERT_JOB.format(rows=insert_row(job, db.vendor))
    return statement, _row_parameters(job, Adapter(db))


def _row_parameters(job: Job, adapt: Adapter) -> list[Any]:
    return [*job_values(job, adapt), *optional_values(job), *fair_position_parameters(job, adapt)]


def _mark_saved(job: Job, db: BaseDatabaseWrapper) -> None:
    job._state.adding = False
    job._state.db = db.alias


def _is_due_soon(job: Job) -> bool:
    return job.run_after is not None and job.run_after - timezone.now() < SOON


def job_values(job: Job, adapt: Adapter) -> list[Any]:
    """Return the values of a new job's columns, in the order of ``JOB_COLUMNS``."""
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
    """Return the status of a new job: scheduled if it is to run later, else queued."""
    later = job.run_after is not None and job.run_after > job.created_at
    return Status.SCHEDULED if later else Status.QUEUED
