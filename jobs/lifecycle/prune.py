"""Retention: delete old finished jobs with their logs and files, and uploads without a job."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.storage import delete_files
from jobs.models import (
    Artifact,
    Attempt,
    Consumer,
    Job,
    LogChunk,
    QuarantinedMessage,
    Upload,
    UploadUse,
)

CHUNK = 100
DAY = timedelta(days=1)
"""Uploads, dead consumers and idempotency keys are kept for a day, whatever the retention is."""


def prune_chunk(now: datetime, limit: int = CHUNK) -> int:
    """Delete one chunk of what is older than the retention time; return the number of rows.

    Small chunks hold the write lock only briefly. A job with an idempotency key is kept for at
    least a day after its submission.

    Args:
        now: the current time.
        limit: the most jobs, and the most uploads, that one call deletes.
    """
    oldest = now - timedelta(days=get_conf().retention_days)
    ids = list(
        Job.objects.filter(finished_at__lt=oldest)
        .filter(Q(idempotency_key=None) | Q(created_at__lt=now - DAY))
        .order_by("finished_at")
        .values_list("pk", flat=True)[:limit]
    )
    deleted = _delete_jobs(ids, oldest) if ids else 0
    deleted += _delete_uploads(now, limit)
    deleted += Consumer.objects.filter(dead_at__lt=now - DAY).delete()[0]
    messages = QuarantinedMessage.objects.filter(received_at__lt=oldest)
    old = list(messages.values_list("pk", flat=True)[:limit])
    return deleted + QuarantinedMessage.objects.filter(pk__in=old).delete()[0]


def _delete_jobs(ids: list[uuid.UUID], oldest: datetime) -> int:
    with transaction.atomic(using=connection().alias):
        # One of them may have been retried since it was found.
        finished = Job.objects.filter(pk__in=ids, finished_at__lt=oldest).select_for_update()
        ids = list(finished.values_list("pk", flat=True))
        if not ids:
            return 0
        files = list(Artifact.objects.filter(job__in=ids).values_list("file", flat=True))
        for table in (Artifact, Attempt, LogChunk, UploadUse):
            rows = table._default_manager.filter(job__in=ids)
            rows._raw_delete(rows.db)
        jobs = Job.objects.filter(pk__in=ids)
        jobs._raw_delete(jobs.db)
        transaction.on_commit(lambda: delete_files(files), using=connection().alias)
    return len(ids)


def _delete_uploads(now: datetime, limit: int) -> int:
    """Delete uploads that are more than a day old and that no job uses."""
    unused = Upload.objects.filter(created_at__lt=now - DAY, uses=None)[:limit]
    files = {upload.pk: upload.file for upload in unused}
    if not files:
        return 0
    deleted = Upload.objects.filter(pk__in=list(files), uses=None).delete()[0]
    kept = set(Upload.objects.filter(pk__in=list(files)).values_list("pk", flat=True))
    delete_files([file for pk, file in files.items() if pk not in kept])
    return deleted
