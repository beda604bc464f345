"""Forgetting: finished jobs, their logs and files, and uploads that nothing uses."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.storage import job_storage
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

logger = logging.getLogger("jobs")

CHUNK = 100
DAY = timedelta(days=1)


def prune_chunk(now: datetime, limit: int = CHUNK) -> int:
    """Forget one chunk of what is older than the retention; return how many rows went.

    Small chunks keep the write lock short. An Idempotency-Key is kept for a day at least.
    """
    oldest = now - timedelta(days=get_conf().retention_days)
    ids = list(
        Job.objects.filter(finished_at__lt=oldest)
        .filter(Q(idempotency_key=None) | Q(created_at__lt=now - DAY))
        .order_by("finished_at")
        .values_list("pk", flat=True)[:limit]
    )
    gone = _forget_jobs(ids, oldest) if ids else 0
    gone += _forget_uploads(now, limit)
    gone += Consumer.objects.filter(dead_at__lt=now - DAY).delete()[0]
    old = QuarantinedMessage.objects.filter(received_at__lt=oldest).values_list("pk", flat=True)
    return gone + QuarantinedMessage.objects.filter(pk__in=list(old[:limit])).delete()[0]


def _forget_jobs(ids: list[uuid.UUID], oldest: datetime) -> int:
    with transaction.atomic(using=connection().alias):
        # Someone may have asked for one of them again since they were found.
        still = Job.objects.filter(pk__in=ids, finished_at__lt=oldest).select_for_update()
        ids = list(still.values_list("pk", flat=True))
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


def _forget_uploads(now: datetime, limit: int) -> int:
    """Uploads go when they are a day old and no job refers to them."""
    unused = Upload.objects.filter(created_at__lt=now - DAY, uses=None)[:limit]
    files = {upload.pk: upload.file for upload in unused}
    if not files:
        return 0
    gone = Upload.objects.filter(pk__in=list(files), uses=None).delete()[0]
    left = set(Upload.objects.filter(pk__in=list(files)).values_list("pk", flat=True))
    delete_files([file for pk, file in files.items() if pk not in left])
    return gone


def delete_files(names: Iterable[str]) -> None:
    """Delete files that no row names any more; one that stays behind is found by a sweep."""
    storage = job_storage()
    for name in names:
        try:
            storage.delete(name)
        except OSError as error:  # on Windows, while someone reads it
            logger.warning("The file %s stays: %s", name, error)
