"""Storing what one request brings of an upload."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import IO, Final

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone

from jobs.core.db import connection
from jobs.core.storage import delete_files, save_file, storage_errors_as_unavailable
from jobs.errors import Conflict, TooLarge, WrongOffset
from jobs.models import ResumableUpload, UploadPiece
from jobs.submission.database_errors import operational_errors_as_unavailable
from jobs.submission.uploads import incoming_file

from .rows import KEPT

PIECE: Final = 8 * 1024**2
"""Bytes after which what has arrived is stored: a process that is killed loses no more than this.
It is as much as boto3 sends in one request, so that it never begins an upload in parts."""
MOST_PIECES: Final = 10_000


def append(upload: ResumableUpload, chunks: Iterator[bytes]) -> None:
    """Store what arrives, from where the upload ends; ``upload.stored`` grows with it.

    When the chunks end in an exception, what came before is stored all the same.

    Args:
        upload: an upload that is not complete.
        chunks: the bytes; the caller sees to it that they are not more than are missing.

    Raises:
        WrongOffset: another request was quicker; nothing of this one's piece is kept.
        Conflict: it came in too many pieces.
        Unavailable: the storage or the database cannot be used now; what was stored before stays.
        Exception: what ``chunks`` has raised.
    """
    if upload.stored and upload.pieces.count() >= MOST_PIECES:
        raise Conflict(
            f"This upload came in {MOST_PIECES:,} pieces, which is the most. "
            "Send it anew, in larger ones."
        )
    size = PIECE
    while size >= PIECE:
        with storage_errors_as_unavailable():
            opened = incoming_file()
        with opened as file:
            with storage_errors_as_unavailable():
                size, failure = _fill(file, chunks)
                file.seek(0)  # writes the rest of it to the disk, which may be full
            # Of a body that is too long nobody knows whether its bytes are those of the file.
            if size and not isinstance(failure, TooLarge):
                _store_piece(upload, file, size)
        if failure is not None:
            raise failure


def _fill(file: IO[bytes], chunks: Iterator[bytes]) -> tuple[int, Exception | None]:
    """Write one piece; return its bytes, and what the chunks have raised."""
    size = 0
    while size < PIECE:
        try:
            chunk = next(chunks, b"")
        except Exception as error:  # noqa: BLE001  (the client is gone, or the body is too long)
            return size, error
        if not chunk:
            break
        file.write(chunk)
        size += len(chunk)
    return size, None


def _store_piece(upload: ResumableUpload, file: IO[bytes], size: int) -> None:
    begin, end = upload.stored, upload.stored + size
    # Unique, so that two requests with the same piece write to two files. After the id of the
    # upload, for the collector of files without a row.
    target = f"uploads/{upload.pk.hex[:6]}/{upload.pk.hex}.{begin}.{uuid.uuid4().hex[:8]}"
    stored = save_file(target, File(file, name=target))
    expires_at = timezone.now() + KEPT
    # When the database fails nobody knows whether the row is there: then the file stays, and the
    # collector deletes it if it has none.
    with operational_errors_as_unavailable(), transaction.atomic(using=connection().alias):
        expected = ResumableUpload.objects.filter(pk=upload.pk, stored=begin, is_complete=False)
        is_ours = expected.update(stored=end, expires_at=expires_at) == 1
        if is_ours:
            UploadPiece.objects.create(upload=upload, offset=begin, size=size, file=stored)
    if not is_ours:
        delete_files([stored])
        raise WrongOffset(begin, None)
    upload.stored, upload.expires_at = end, expires_at
