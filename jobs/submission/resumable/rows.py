"""Announcing a resumable upload, finding it and deleting it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.errors import Conflict, TooLarge, Unavailable
from jobs.models import ResumableUpload, Upload
from jobs.submission.database_errors import operational_errors_as_unavailable
from jobs.submission.unclaimed import room_for_bytes
from jobs.submission.upload_keys import (
    find_upload_key,
    fingerprint_of,
    require_same,
    save_key,
)
from jobs.submission.uploads import display_name

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_TRIES: Final = 3
KEPT: timedelta = lifecycle.UPLOADS_KEPT
"""How long after its last piece an upload can be continued."""


def announce(
    owner: AbstractBaseUser, name: str, length: int, metadata: str, key: str | None
) -> tuple[ResumableUpload, bool]:
    """Announce an upload; return it, and whether it was announced before with the same key.

    Raises:
        IdempotencyConflict: the key came with something else.
        TooLarge, QuotaExceeded, Unavailable: as ``create``.
    """
    if key is None:
        return create(owner, name, length, metadata), False
    fingerprint = fingerprint_of([f"{length}\n{metadata}".encode("utf-8", "replace")])
    for _ in range(MOST_TRIES):
        known = find_upload_key(owner, key)
        if known is not None:
            upload = find(owner, require_same(known, fingerprint))
            if upload is not None:
                return upload, True
        try:
            with transaction.atomic(using=connection().alias):
                upload = create(owner, name, length, metadata)
                save_key(owner, key, fingerprint, upload.pk)
        except IntegrityError:  # another request was quicker
            continue
        return upload, False
    raise Unavailable("Other requests use the same key.", 1)


def create(owner: AbstractBaseUser, name: str, length: int, metadata: str = "") -> ResumableUpload:
    """Announce an upload; nothing of it is stored yet.

    Args:
        owner: the user who sends it, and may refer to it.
        name: the client's name of the file, for people.
        length: its bytes.
        metadata: what the client wants to read again, as it has sent it.

    Raises:
        TooLarge: it is over the limit.
        QuotaExceeded: the user has uploaded too much that no job uses.
        Unavailable: the database cannot be used now.
    """
    limit = get_conf().max_upload
    if length > limit:
        raise TooLarge("upload", limit)
    upload = ResumableUpload(
        owner_id=owner.pk,
        name=display_name(name),
        length=length,
        metadata=metadata,
        expires_at=timezone.now() + KEPT,
    )
    with operational_errors_as_unavailable():
        room_for_bytes(owner, length)
        upload.save(force_insert=True)
    return upload


def find(owner: AbstractBaseUser, key: uuid.UUID) -> ResumableUpload | None:
    """Return a user's upload, None if there is none, or no longer.

    One that came in one request is found as well, as complete: its client may not have heard so.
    """
    found = ResumableUpload.objects.filter(
        pk=key, owner_id=owner.pk, expires_at__gt=timezone.now()
    ).first()
    if found is not None and not found.is_complete:
        return found
    upload = Upload.objects.usable_by(owner).filter(pk=key, owner_id=owner.pk).first()
    if upload is None:
        return None
    return found or ResumableUpload(
        pk=key,
        name=upload.name,
        length=upload.size,
        stored=upload.size,
        is_complete=True,
        expires_at=upload.created_at + KEPT,
    )


def delete_upload(upload: ResumableUpload) -> None:
    """Delete an upload and all that is stored of it, complete or not.

    Raises:
        Conflict: a job uses it.
        Unavailable: the database cannot be used now.
    """
    with operational_errors_as_unavailable(), transaction.atomic(using=connection().alias):
        is_deleted = lifecycle.delete_unused_uploads([upload.pk]) > 0
        if not is_deleted and Upload.objects.filter(pk=upload.pk).exists():
            raise Conflict("A job uses this upload: it is deleted with the last such job.")
        lifecycle.delete_resumable_uploads([upload.pk])
