"""The uploads of one user, complete or not."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from jobs import lifecycle
from jobs.core.db import Adapter, connection
from jobs.core.uuid7 import uuid7_time
from jobs.models import ResumableUpload, Upload

from .job_list.filters import Sql, both
from .job_list.indexes import Bound, Range

_COLUMNS = (
    "id, owner_id, name, size, file, created_at, "
    "EXISTS (SELECT 1 FROM jobs_uploaduse WHERE upload_id = jobs_upload.id) AS in_use"
)


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload. ``expires_at`` is None while a job uses it."""

    id: uuid.UUID
    name: str
    size: int
    stored: int
    in_use: bool
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, upload: Upload, *, in_use: bool = False) -> UploadState:
        """Return the state of one that is complete."""
        expires_at = None if in_use else upload.created_at + lifecycle.UPLOADS_KEPT
        size, begun = upload.size, upload.created_at
        return cls(upload.pk, upload.name, size, size, in_use, begun, expires_at)

    @classmethod
    def of_begun(cls, upload: ResumableUpload) -> UploadState:
        """Return the state of one that comes in pieces."""
        begun = uuid7_time(upload.pk) or upload.expires_at - lifecycle.UPLOADS_KEPT
        size, stored = upload.length, upload.stored
        return cls(upload.pk, upload.name, size, stored, False, begun, upload.expires_at)


def uploads_of(owner: Any, limit: int, before: uuid.UUID | None = None) -> list[UploadState]:
    """Return a user's uploads, the newest first; of those that are not complete, what is alive.

    Args:
        owner: the user's key.
        limit: how many at most.
        before: only those that were begun before this one.
    """
    db = connection()
    adapt = Adapter(db)
    part = Range(Sql("TRUE"), "id DESC", "owner_id", adapt.key(owner))
    bounds = [] if before is None else [Bound("<", adapt.uuid(before))]
    where = both(part.within(bounds, "id", db))
    statement = (
        f"SELECT {_COLUMNS} FROM jobs_upload WHERE {where.text} "  # noqa: S608  (constants)
        f"ORDER BY {part.order_in(db)} LIMIT {limit}"
    )
    whole = Upload.objects.using(db.alias).raw(statement, where.parameters)
    begun = ResumableUpload.objects.filter(
        owner_id=owner, is_complete=False, expires_at__gt=timezone.now()
    ).order_by("-id")
    begun = begun if before is None else begun.filter(pk__lt=before)
    found = [_state(upload) for upload in whole]
    found += [UploadState.of_begun(upload) for upload in begun[:limit]]
    return sorted(found, key=lambda state: state.id, reverse=True)[:limit]


def upload_of(owner: Any, key: uuid.UUID) -> UploadState | None:
    """Return one of a user's uploads; None if there is none, or no longer."""
    db = connection()
    statement = f"SELECT {_COLUMNS} FROM jobs_upload WHERE id = %s"  # noqa: S608  (constants)
    for upload in Upload.objects.using(db.alias).raw(statement, [Adapter(db).uuid(key)]):
        return _state(upload) if upload.owner_id == owner else None
    begun = ResumableUpload.objects.filter(
        pk=key, owner_id=owner, is_complete=False, expires_at__gt=timezone.now()
    ).first()
    return None if begun is None else UploadState.of_begun(begun)


def _state(upload: Any) -> UploadState:
    return UploadState.of(upload, in_use=bool(upload.in_use))
