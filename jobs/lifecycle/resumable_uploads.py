"""Deleting uploads that came in pieces, with the pieces of those that are not complete."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from jobs.core.db import connection
from jobs.core.storage import delete_files
from jobs.models import ResumableUpload, UploadPiece

from .upload_keys import delete_keys_of_gone


def delete_resumable_uploads(ids: Collection[uuid.UUID], expired_at: datetime | None = None) -> int:
    """Delete uploads that came in pieces, and the pieces of those that are not complete.

    Args:
        ids: their ids.
        expired_at: delete only those that are expired at this time: another piece, which may have
            come since they were found, lets them live on.
    """
    if not ids:
        return 0
    with transaction.atomic(using=connection().alias):
        # So that no piece is added between the statements.
        rows = ResumableUpload.objects.filter(pk__in=ids).select_for_update()
        if expired_at is not None:  # another process may delete the same
            can_skip = connection().features.has_select_for_update_skip_locked
            rows = rows.filter(expires_at__lt=expired_at).select_for_update(skip_locked=can_skip)
        found = list(rows.values_list("pk", flat=True))
        pieces = UploadPiece.objects.filter(upload__in=found)
        files = list(pieces.values_list("file", flat=True))
        pieces._raw_delete(pieces.db)
        begun = ResumableUpload.objects.filter(pk__in=found)
        begun._raw_delete(begun.db)
        delete_keys_of_gone(found)
        transaction.on_commit(lambda: delete_files(files), using=connection().alias)
    return len(found)
