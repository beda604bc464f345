"""Uploads with an ``Idempotency-Key``: the same file with the same key is stored once.

Of requests that come at the same time each is received; one is kept, and all get that one.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from jobs.core.db import connection
from jobs.errors import IdempotencyConflict
from jobs.models import ResumableUpload, Upload, UploadKey

from .database_errors import operational_errors_as_unavailable
from .uploads import store_upload

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def find_upload_key(owner: AbstractBaseUser, key: str | None) -> UploadKey | None:
    """Return what a key of a user's led to; None for a new one, and one whose upload is gone."""
    if key is None:
        return None
    with operational_errors_as_unavailable():
        found = UploadKey.objects.filter(owner_id=owner.pk, key=key).first()
        if found is None:
            return None
        same = {"pk": found.upload_id, "owner_id": owner.pk}
        if (
            Upload.objects.filter(**same).exists()
            or ResumableUpload.objects.filter(**same).exists()
        ):
            return found
        found.delete()
    return None


def require_same(known: UploadKey, fingerprint: str) -> uuid.UUID:
    """Return the id of the upload that a key led to.

    Raises:
        IdempotencyConflict: what is sent now has another fingerprint.
    """
    if known.fingerprint != fingerprint:
        raise IdempotencyConflict(known.fingerprint, fingerprint)
    return known.upload_id


def fingerprint_of(chunks: Iterable[bytes]) -> str:
    """Return the fingerprint of a file that is not stored."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def store_new_upload(
    owner: AbstractBaseUser, name: str, chunks: Iterable[bytes], key: str | None
) -> tuple[Upload, bool]:
    """Store a file; return its upload, and whether another request was quicker with the key.

    Args:
        owner: the user who may refer to it.
        name: the client's name of the file, for people.
        chunks: its bytes.
        key: a key to which ``find_upload_key`` found nothing; None without one.

    Raises:
        IdempotencyConflict: another file came with the key meanwhile; nothing is kept of this one.
        TooLarge, QuotaExceeded, Unavailable: as ``store_upload``.
    """
    if key is None:
        return store_upload(owner, name, chunks), False
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    def save(upload: Upload) -> None:
        with transaction.atomic(using=connection().alias):
            upload.save(force_insert=True)
            save_key(owner, key, digest.hexdigest(), upload.pk)

    try:
        return store_upload(owner, name, hashed(), save), False
    except IntegrityError:
        known = find_upload_key(owner, key)
        if known is None:
            raise
        found = require_same(known, digest.hexdigest())
        return Upload.objects.get(pk=found, owner_id=owner.pk), True


def save_key(owner: AbstractBaseUser, key: str, fingerprint: str, upload: uuid.UUID) -> None:
    """Record what a key leads to; within the transaction that records the upload.

    Raises:
        IntegrityError: another request was quicker.
    """
    row = UploadKey(owner_id=owner.pk, key=key, fingerprint=fingerprint, upload_id=upload)
    row.save(force_insert=True)
