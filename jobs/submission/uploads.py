"""Uploaded files: stored before the job that uses them is submitted."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, Final, cast

from django.core.files.base import File
from django.utils.text import get_valid_filename

from jobs.catalog.input_file import FileInfo
from jobs.catalog.pointer import escape_pointer
from jobs.catalog.signature import ValidatedArguments
from jobs.conf import get_conf
from jobs.core.jsonutils import clean
from jobs.core.rights import VIEW_UPLOADS, note_use
from jobs.core.storage import delete_files, job_storage, local_folder, unavailable
from jobs.core.uuid7 import uuid7
from jobs.errors import InvalidArguments, LimitState, TooLarge
from jobs.models import ResumableUpload, Upload

from .database_errors import operational_errors_as_unavailable
from .unclaimed import room_for_bytes, too_many_bytes

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    _ByteFile = File[bytes]
else:
    _ByteFile = File  # generic for type checkers only


MOST_FILES: Final = 1000


class FileOfChunks(_ByteFile):
    """Chunks that can be read once, as a Django file; stops at the limit.

    ``written`` counts the bytes; ``failed`` says that the source raised, not the storage.
    """

    def __init__(self, chunks: Iterable[bytes], limit: int, room: LimitState | None = None) -> None:
        super().__init__(_NO_FILE, name="upload")
        self._chunks = chunks
        self._limit = limit
        self._room = room
        self.written = 0
        self.failed = False

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the chunks, and count their bytes."""
        try:
            for chunk in self._chunks:
                self.written += len(chunk)
                if self.written > self._limit:
                    raise TooLarge("upload", self._limit)
                if self._room is not None and self.written > self._room.remaining:
                    raise too_many_bytes(self._room)
                # A generator that is closed early is not a source that failed.
                yield chunk
        except Exception:
            self.failed = True
            raise


_NO_FILE: IO[Any] = None  # type: ignore[assignment]


def _insert(upload: Upload) -> None:
    upload.save(force_insert=True)


def store_upload(
    owner: AbstractBaseUser | None,
    name: str,
    chunks: Iterable[bytes],
    insert: Callable[[Upload], None] = _insert,
) -> Upload:
    """Store a file chunk by chunk, and record whose it is.

    Args:
        owner: the user who may refer to it; None for a job that code submits.
        name: the client's name of the file, for people.
        chunks: its bytes.
        insert: records the upload, when its file is stored.

    Raises:
        TooLarge: it is over the limit; nothing is kept.
        QuotaExceeded: the user has uploaded too much that no job uses; nothing is kept.
        Unavailable: the disk is full, or the storage or the database cannot be used now; nothing is
            kept.
    """
    upload = Upload(id=uuid7(), owner_id=owner.pk if owner else None, name=display_name(name))
    with operational_errors_as_unavailable():
        room = room_for_bytes(owner)
    stream = FileOfChunks(chunks, get_conf().max_upload, room)
    target = f"uploads/{upload.id.hex[:6]}/{upload.id.hex}"
    try:
        upload.file = store_chunks(target, stream)
    except BaseException as error:
        # Whatever went wrong (too large, a full disk, the client left), nothing of it stays. A
        # service keeps no part of a file, and to ask one that is away takes its time-out again.
        if local_folder() is not None:
            delete_files([target])
        if stream.failed or not isinstance(error, Exception):
            raise
        raise unavailable(error) from error
    upload.size = stream.written
    try:
        with operational_errors_as_unavailable():
            room_for_bytes(owner, upload.size)  # others may have come meanwhile
            insert(upload)
    except BaseException:
        delete_files([upload.file])
        raise
    return upload


def store_chunks(target: str, stream: FileOfChunks) -> str:
    """Store a file of this name; return its name in the storage, which may differ."""
    storage = job_storage()
    if local_folder() is not None:
        return storage.save(target, stream)
    # The libraries of services read, seek and ask for the size, each in its own way, and read again
    # when they retry. So a whole file is at hand before the first request to them.
    with incoming_file() as file:
        for chunk in stream.chunks():
            file.write(chunk)
        file.seek(0)
        return storage.save(target, File(file, name=target))


def incoming_file() -> IO[bytes]:
    """Open a file for what arrives; it is gone when it is closed."""
    folder = get_conf().data_dir / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return cast("IO[bytes]", tempfile.TemporaryFile(dir=folder))


def display_name(name: str) -> str:
    """Return the last part of the client's name: shown to people, never used as a path."""
    last = clean(name).replace("\\", "/").rpartition("/")[2].strip()
    printable = "".join(c for c in last if c.isprintable())
    return printable[-255:] or get_valid_filename("upload")


def check_uploads(arguments: ValidatedArguments, owner: AbstractBaseUser | None) -> None:
    """Check that the uploads that the arguments refer to exist and are the owner's own.

    Raises:
        InvalidArguments: one is missing, or somebody else's, in the same words.
    """
    ids = arguments.uploads
    if not ids:
        return
    if len(ids) > MOST_FILES:
        raise InvalidArguments(
            [{"pointer": "", "detail": f"At most {MOST_FILES:,} files, not {len(ids):,}."}]
        )
    rows = Upload.objects.filter(pk__in=ids)
    if owner is not None:
        rows = rows.usable_by(owner)
    found = dict(rows.values_list("pk", "owner_id"))
    for one, whose in found.items():
        if owner is not None and whose != owner.pk:
            note_use(owner, VIEW_UPLOADS, "use", f"upload={one}", whose)
    missing = [one for one in ids if one not in found]
    if missing:
        details = _details(missing, owner)
        raise InvalidArguments(
            [
                {"pointer": pointer, "detail": details[one]}
                for pointer, one in _references(arguments.stored, "")
                if one in details
            ]
        )


def _details(missing: Iterable[uuid.UUID], owner: AbstractBaseUser | None) -> dict[str, str]:
    """Say of each upload that cannot be used why."""
    details = {str(one): f"There is no upload {one} of yours." for one in missing}
    begun = ResumableUpload.objects.filter(pk__in=missing, is_complete=False)
    if owner is not None:
        begun = begun.filter(owner_id=owner.pk)
    for one in begun:
        details[str(one.pk)] = (
            f"The upload {one.pk} is not complete: {one.stored:,} of {one.length:,} bytes are "
            "stored. Send the rest of it first."
        )
    return details


def _references(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Find the uploads in stored arguments: yield the JSON pointer and the id of each."""
    if isinstance(value, dict):
        if value.keys() == {"upload"}:
            yield at, str(value["upload"])
        for name, item in value.items():
            yield from _references(item, f"{at}/{escape_pointer(name)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{at}/{index}")


def file_infos(job_id: uuid.UUID) -> dict[str, FileInfo]:
    """Return what a consumer needs to open the uploads of a job, by upload id."""
    rows = Upload.objects.filter(uses__job_id=job_id)
    return {str(row.pk): FileInfo(name=row.name, size=row.size, file=row.file) for row in rows}
