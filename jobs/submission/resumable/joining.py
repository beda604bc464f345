"""Making an ordinary upload of the pieces, when all of them are there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs.core.db import connection
from jobs.core.storage import (
    delete_files,
    local_folder,
    open_file,
    storage_errors_as_unavailable,
)
from jobs.errors import JobsError, Unavailable, UploadBusy
from jobs.models import ResumableUpload, Upload, UploadPiece
from jobs.submission.database_errors import operational_errors_as_unavailable
from jobs.submission.uploads import FileOfChunks, store_chunks

from .rows import KEPT

CHUNK: Final = 64 * 1024
JOINING: Final = timedelta(minutes=2)
"""A request that joins pieces for longer counts as dead, and the next one does it again; if it is
alive after all, the first of the two counts."""


class _Damaged(JobsError):
    """A stored piece is missing, or is not as long as it was."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(f"The piece at {offset} is damaged.")


def finish(upload: ResumableUpload) -> None:
    """Join the pieces if the last byte is stored and nobody has done so.

    It is called after the last piece and by everybody who asks for the offset: a client to which
    that is the length takes the upload for complete, and sends nothing any more. If a piece has
    been lost, ``upload.stored`` goes back to where it began, and the client goes on from there.

    Raises:
        UploadBusy: another request joins them.
        Unavailable: the storage or the database cannot be used now; every piece stays.
    """
    if upload.is_complete or upload.stored < upload.length:
        return
    _begin(upload)
    target = f"uploads/{upload.pk.hex[:6]}/{upload.pk.hex}-{uuid.uuid4().hex[:8]}"
    try:
        with storage_errors_as_unavailable():
            file = store_chunks(target, FileOfChunks(_joined(upload), upload.length))
    except _Damaged as damage:
        _stop(upload, target)
        _rewind(upload, damage.offset)
        return
    except BaseException:
        _stop(upload, target)
        raise
    _complete(upload, file)


def _begin(upload: ResumableUpload) -> None:
    now = timezone.now()
    free = ResumableUpload.objects.filter(
        Q(joining_until=None) | Q(joining_until__lt=now),
        pk=upload.pk,
        stored=upload.length,
        is_complete=False,
    )
    with operational_errors_as_unavailable():
        if not free.update(joining_until=now + JOINING):
            raise UploadBusy


def _stop(upload: ResumableUpload, target: str) -> None:
    # As of every upload: a service keeps no part of a file.
    if local_folder() is not None:
        delete_files([target])
    with suppress(Unavailable), operational_errors_as_unavailable():
        ResumableUpload.objects.filter(pk=upload.pk).update(joining_until=None)


def _joined(upload: ResumableUpload) -> Iterator[bytes]:
    """Read one piece after another, and check that they are what was stored."""
    end = 0
    for piece in upload.pieces.all():
        if piece.offset != end:
            break
        yield from _read(piece)
        end += piece.size
    if end != upload.length:
        raise _Damaged(end)


def _read(piece: UploadPiece) -> Iterator[bytes]:
    size = 0
    with suppress(FileNotFoundError), open_file(piece.file) as source:  # none is a short one
        while chunk := source.read(CHUNK):
            size += len(chunk)
            yield chunk
    if size != piece.size:
        raise _Damaged(piece.offset)


def _rewind(upload: ResumableUpload, offset: int) -> None:
    with operational_errors_as_unavailable(), transaction.atomic(using=connection().alias):
        rows = ResumableUpload.objects.filter(pk=upload.pk, is_complete=False)
        if not rows.update(stored=offset):
            raise UploadBusy  # another one has joined them, or it was deleted
        lost = UploadPiece.objects.filter(upload=upload.pk, offset__gte=offset)
        files = list(lost.values_list("file", flat=True))
        lost.delete()
    delete_files(files)
    upload.stored = offset


def _complete(upload: ResumableUpload, file: str) -> None:
    now = timezone.now()
    pieces = UploadPiece.objects.filter(upload=upload.pk)
    # As for a piece: when the database fails, the collector decides about the file.
    with operational_errors_as_unavailable(), transaction.atomic(using=connection().alias):
        waiting = ResumableUpload.objects.filter(
            pk=upload.pk, stored=upload.length, is_complete=False
        )
        is_ours = waiting.update(is_complete=True, expires_at=now + KEPT) == 1
        superfluous = [file]
        if is_ours:
            superfluous = list(pieces.values_list("file", flat=True))
            pieces.delete()
            Upload(
                id=upload.pk,
                owner_id=upload.owner_id,
                name=upload.name,
                size=upload.length,
                file=file,
                created_at=now,
            ).save(force_insert=True)
    delete_files(superfluous)
    if not is_ours:
        raise UploadBusy
    upload.is_complete = True
