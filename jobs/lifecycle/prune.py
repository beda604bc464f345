"""Retention: delete old finished jobs with their logs and files, and uploads without a job."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Q

from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.storage import delete_files
from jobs.models import (
    Artifact,
    Attempt,
    Consumer,
    EmailRequest,
    Job,
    LogChunk,
    QuarantinedMessage,
    ResumableUpload,
    Upload,
    UploadUse,
    WebhookDelivery,
)

from .resumable_uploads import delete_resumable_uploads
from .upload_keys import delete_keys_of_gone

CHUNK = 100
DAY = UPLOADS_KEPT = timedelta(days=1)
"""Uploads, dead consumers and idempotency keys are kept for a day, whatever the retention is."""


def prune_chunk(now: datetime, limit: int = CHUNK) -> int:
    """Delete one chunk of what is older than the retention time; return the number of rows.

    Args:
        now: the current time.
        limit: the most jobs, and the most uploads, that one call deletes.
    """
    return PruneRun(now).step(limit)


class PruneRun:
    """One pass over what is over its retention, from the oldest to the newest, in chunks.

    Small chunks hold the write lock only briefly. The pass remembers where it is: entries of
    deleted rows stay in an index until VACUUM, and a search from its beginning would pass all of
    them each time. Several processes may do it at once; on PostgreSQL each takes other rows.

    Args:
        now: the current time.
        uploads_from: uploads that were made before this time are not looked at, except those whose
            last job is deleted.
    """

    def __init__(self, now: datetime, uploads_from: datetime | None = None) -> None:
        self.is_done = False
        """Whether nothing is left."""
        self.overdue = timedelta()
        """How long the jobs of the last chunk have been over their retention."""
        self._now = now
        self._oldest = now - timedelta(days=get_conf().retention_days)
        self._day_ago = now - DAY
        self._jobs_from: datetime | None = None
        self._uploads_from = uploads_from

    def step(self, limit: int = CHUNK) -> int:
        """Delete the next chunk; return the number of rows.

        Args:
            limit: the most jobs, the most uploads, and the most messages.
        """
        found, deleted = self._delete_jobs(limit)
        more = found == limit
        found, rows = self._delete_uploads(limit)
        more, deleted = more or found == limit, deleted + rows
        messages = QuarantinedMessage.objects.filter(received_at__lt=self._oldest)
        old = list(messages.values_list("pk", flat=True)[:limit])
        deleted += QuarantinedMessage.objects.filter(pk__in=old).delete()[0]
        deleted += Consumer.objects.filter(dead_at__lt=self._day_ago).delete()[0]
        expired = ResumableUpload.objects.filter(expires_at__lt=self._now).order_by("expires_at")
        begun = list(expired.values_list("pk", flat=True)[:limit])
        deleted += delete_resumable_uploads(begun, self._now)
        self.is_done = not (more or limit in {len(old), len(begun)})
        return deleted

    def _delete_jobs(self, limit: int) -> tuple[int, int]:
        """Return how many jobs were found, and how many rows were deleted."""
        # A job with an idempotency key is kept for at least a day after its submission.
        overdue = Job.objects.filter(finished_at__lt=self._oldest).filter(
            Q(idempotency_key=None) | Q(created_at__lt=self._day_ago)
        )
        if self._jobs_from is not None:
            overdue = overdue.filter(finished_at__gte=self._jobs_from)
        rows = overdue.order_by("finished_at").values_list("pk", "finished_at")[:limit]
        found = [(pk, ended) for pk, ended in rows if ended is not None]
        if not found:
            return 0, 0
        self.overdue = self._oldest - found[0][1]
        self._jobs_from = found[-1][1]
        return len(found), _delete_jobs([pk for pk, _ in found], self._oldest, self._day_ago)

    def _delete_uploads(self, limit: int) -> tuple[int, int]:
        """Delete uploads that are more than a day old and that no job has used."""
        old = Upload.objects.filter(created_at__lt=self._day_ago, uses=None)
        if self._uploads_from is not None:
            old = old.filter(created_at__gte=self._uploads_from)
        found = list(old.order_by("created_at").values_list("pk", "created_at")[:limit])
        if found:
            self._uploads_from = found[-1][1]
        return len(found), delete_unused_uploads([pk for pk, _ in found])


def _delete_jobs(ids: list[uuid.UUID], oldest: datetime, day_ago: datetime) -> int:
    with transaction.atomic(using=connection().alias):
        # One of them may have been retried since it was found, another process deletes others.
        finished = Job.objects.filter(pk__in=ids, finished_at__lt=oldest)
        can_skip = connection().features.has_select_for_update_skip_locked
        finished = finished.select_for_update(skip_locked=can_skip)
        ids = list(finished.values_list("pk", flat=True))
        if not ids:
            return 0
        files = list(Artifact.objects.filter(job__in=ids).values_list("file", flat=True))
        used = set(UploadUse.objects.filter(job__in=ids).values_list("upload_id", flat=True))
        of_jobs = (Artifact, Attempt, EmailRequest, LogChunk, UploadUse, WebhookDelivery)
        tables: tuple[type[models.Model], ...] = of_jobs
        for table in tables:
            rows = table._default_manager.filter(job__in=ids)
            rows._raw_delete(rows.db)
        jobs = Job.objects.filter(pk__in=ids)
        jobs._raw_delete(jobs.db)
        transaction.on_commit(lambda: delete_files(files), using=connection().alias)
    uploads = Upload.objects.filter(pk__in=used, created_at__lt=day_ago, uses=None)
    unused = list(uploads.values_list("pk", flat=True)) if used else []
    return len(ids) + delete_unused_uploads(unused)


def delete_unused_uploads(ids: Collection[uuid.UUID]) -> int:
    """Delete those of these uploads that still no job uses; return how many rows."""
    if not ids:
        return 0
    files = dict(Upload.objects.filter(pk__in=ids).values_list("pk", "file"))
    with transaction.atomic(using=connection().alias):
        deleted = Upload.objects.filter(pk__in=ids, uses=None).delete()[0]
        delete_keys_of_gone(ids)
    kept = set(Upload.objects.filter(pk__in=ids).values_list("pk", flat=True))
    unused = [file for pk, file in files.items() if pk not in kept]
    transaction.on_commit(lambda: delete_files(unused), using=connection().alias)
    return deleted
