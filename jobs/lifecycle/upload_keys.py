"""Deleting the keys of uploads that are gone."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from jobs.models import ResumableUpload, Upload, UploadKey


def delete_keys_of_gone(ids: Collection[uuid.UUID]) -> None:
    """Delete the keys of those of these uploads that are there no more."""
    whole = Upload.objects.filter(pk__in=ids).values("pk")
    begun = ResumableUpload.objects.filter(pk__in=ids).values("pk")
    keys = UploadKey.objects.filter(upload_id__in=ids)
    gone = keys.exclude(upload_id__in=whole).exclude(upload_id__in=begun)
    gone._raw_delete(gone.db)
