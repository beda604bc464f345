"""Cancel jobs: one that waits is cancelled at once, one that runs is asked to stop."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Final

from django.db import transaction
from django.db.models import F
from django.db.models.expressions import RawSQL
from django.utils import timezone

from jobs.core.db import Adapter, as_uuid, connection, run
from jobs.core.states import WAITING, Status
from jobs.errors import JobChanged, NotCancellable
from jobs.models import Job
from jobs.models.job import JobQuerySet

from .counters import count_cancelled
from .feed_position import FEED_POSITION
from .sql import CANCEL_WAITING

MAX_NAME: Final = 150
"""Characters of a user's name that a job keeps; an e-mail address may have more."""


class CancelResult(Enum):
    """The effect of a cancel."""

    CANCELLED = auto()
    ALREADY_CANCELLED = auto()
    ASKED = auto()
    """The job runs, and its task has been asked to stop."""


def cancel_job(job_id: uuid.UUID, by: str, versions: Collection[int] | None = None) -> CancelResult:
    """Cancel a waiting job at once; ask a running one to stop.

    Args:
        job_id: the job.
        by: the name of the user who cancels, for the job's error message.
        versions: only if the job is in one of these; None: whatever its version is.

    Raises:
        Job.DoesNotExist: there is no such job.
        JobChanged: it is in another version.
        NotCancellable: it has finished.
    """
    by = by[:MAX_NAME]
    # Between two of these statements a job can start, fail and wait again, but not for ever.
    for _ in range(100):
        rows = Job.objects.filter(pk=job_id).in_versions(versions)
        if _cancel_waiting(rows, job_id, by):
            return CancelResult.CANCELLED
        running = rows.filter(status=Status.RUNNING)
        if running.filter(cancel_requested=False).update(
            cancel_requested=True, cancelled_by=by, version=F("version") + 1
        ):
            return CancelResult.ASKED
        job = Job.objects.only("status", "cancel_requested", "version").get(pk=job_id)
        if versions is not None and job.version not in versions:
            raise JobChanged(job.etag)
        if job.status == Status.CANCELLED:
            return CancelResult.ALREADY_CANCELLED
        if job.is_finished:
            raise NotCancellable(f"This job has finished: {job.get_status_display()}.")
        if job.status == Status.RUNNING:
            return CancelResult.ASKED
    raise NotCancellable("This job changes too fast to be cancelled. Try again.")


def cancel_waiting_jobs(job_ids: Sequence[uuid.UUID], by: str) -> list[uuid.UUID]:
    """Cancel those of the jobs that wait, in one statement; return which.

    The others run, have ended, are gone, or are being changed: ``cancel_job`` tells which.

    Args:
        job_ids: some hundreds at most; each is a parameter.
        by: as for ``cancel_job``.
    """
    if not job_ids:
        return []
    by = by[:MAX_NAME]
    db = connection()
    adapt = Adapter(db)
    lock = "FOR UPDATE SKIP LOCKED" if db.features.has_select_for_update_skip_locked else ""
    statement = CANCEL_WAITING.format(
        ids=", ".join(["%s"] * len(job_ids)), lock=lock, position=FEED_POSITION[db.vendor]
    )
    written = [by, adapt.time(timezone.now()), f"cancelled by {by}"]
    with transaction.atomic(using=db.alias):
        rows = run(db, statement, [*map(adapt.uuid, job_ids), *written])
        cancelled = [as_uuid(key) for (key,) in rows]
        count_cancelled(db, cancelled)
    return cancelled


def _cancel_waiting(rows: JobQuerySet, job_id: uuid.UUID, by: str) -> int:
    db = connection()
    with transaction.atomic(using=db.alias):
        cancelled = rows.filter(status__in=WAITING).update(
            status=Status.CANCELLED,
            cancel_requested=True,
            cancelled_by=by,
            finished_at=timezone.now(),
            feed_position=RawSQL(FEED_POSITION[db.vendor], ()),  # noqa: S611  (a constant)
            error_type="Cancelled",
            error_message=f"cancelled by {by}",
            version=F("version") + 1,
        )
        if cancelled:
            count_cancelled(db, [job_id])
    return cancelled
