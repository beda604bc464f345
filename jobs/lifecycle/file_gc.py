"""Delete files without a row: their process died after storing them and before inserting the row.

The storage is searched one step at a time, through Django's storage API, which every storage has.
Only files older than a day are deleted, and none of an unfinished job: the row of such a file may
be kept in the memory of a consumer for as long as the database is away.
"""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from jobs.core.storage import delete_files, job_storage
from jobs.core.times import from_timestamp
from jobs.models import Artifact, Job, Upload, UploadPiece

from .prune import CHUNK, DAY

UPLOADS: Final = "uploads"
ARTIFACTS: Final = "artifacts"
FOLDER_SPAN: Final = timedelta(milliseconds=2**24)
"""A folder is named by the first six hexadecimal digits of the UUIDs (version 7) in it. The first
twelve are the milliseconds since 1970, so that a folder holds what was made within 4.7 hours."""


class FolderPart(NamedTuple):
    """A folder of the storage and some of the names in it; no names when the folder is empty."""

    folder: str
    names: Sequence[str]


class FileCollector:
    """Searches the whole storage again and again; each step looks at a bounded number of names."""

    def __init__(self) -> None:
        self._parts: Iterator[FolderPart] | None = None

    def step(self, now: datetime) -> int | None:
        """Check one part of a folder; return how many files were deleted, None after the last."""
        if self._parts is None:
            self._parts = _folder_parts()
        try:
            folder, names = next(self._parts)
        except (StopIteration, NotImplementedError):  # some storages cannot list
            self._parts = None
            return None
        if not names:
            _remove_if_outdated(folder, now)
            return 0
        collect = _collect_uploads if folder.startswith(UPLOADS) else _collect_artifacts
        return collect(folder, names, now)


def _folder_parts() -> Iterator[FolderPart]:
    """Each folder in parts; in random order, so that several processes check different folders."""
    for top in (UPLOADS, ARTIFACTS):
        folders, _ = _listed(top)
        random.shuffle(folders)
        for name in folders:
            folder = f"{top}/{name}"
            subfolders, files = _listed(folder)
            names = files if top == UPLOADS else subfolders
            if not (subfolders or files):
                yield FolderPart(folder, ())
            for start in range(0, len(names), CHUNK):
                yield FolderPart(folder, names[start : start + CHUNK])


def _listed(path: str) -> tuple[list[str], list[str]]:
    """The names of the folders and of the files in a folder."""
    try:
        folders, files = job_storage().listdir(path)
    except FileNotFoundError:
        return [], []
    return list(folders), list(files)


def _collect_uploads(folder: str, names: Sequence[str], now: datetime) -> int:
    ids = {f"{folder}/{name}": key for name in names if (key := _id(name))}
    pieces = {file: key for file, key in ids.items() if "." in file}
    known: set[Any] = set(Upload.objects.filter(pk__in=ids.values()).values_list("pk", flat=True))
    strays = [file for file, key in ids.items() if key not in known and file not in pieces]
    if pieces:
        rows = UploadPiece.objects.filter(upload__in=set(pieces.values()))
        known = set(rows.values_list("file", flat=True))
        strays += [file for file in pieces if file not in known]
    return _delete_old(strays, now)


def _collect_artifacts(folder: str, names: Sequence[str], now: datetime) -> int:
    """Check the folders of jobs that no longer exist, or that finished more than a day ago."""
    folders = {key: f"{folder}/{name}" for name in names if (key := _id(name))}
    finished_at = dict(Job.objects.filter(pk__in=folders).values_list("pk", "finished_at"))
    over = [key for key in folders if key not in finished_at or _is_old(finished_at[key], now)]
    # List the files before reading the rows: a file that a new attempt stores in between has a row
    # or is not in the list.
    files = [f"{folders[key]}/{name}" for key in over for name in _listed(folders[key])[1]]
    known = set(Artifact.objects.filter(job__in=over).values_list("file", flat=True))
    deleted = _delete_old([file for file in files if file not in known], now)
    for key in over:
        if key not in finished_at and not any(_listed(folders[key])):
            _remove(folders[key])
    return deleted


def _delete_old(files: Sequence[str], now: datetime) -> int:
    old = [file for file in files if _is_old(_modified_at(file), now)]
    delete_files(old)
    return len(old)


def _modified_at(file: str) -> datetime | None:
    try:
        return job_storage().get_modified_time(file)
    except (FileNotFoundError, NotImplementedError):  # deleted meanwhile, or the storage cannot say
        return None


def _is_old(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment < now - DAY


def _remove_if_outdated(folder: str, now: datetime) -> None:
    """Remove an empty folder if nothing new can be stored in it."""
    top, _, name = folder.rpartition("/")
    with contextlib.suppress(ValueError, OverflowError):
        begin = from_timestamp((int(name, 16) << 24) / 1000)
        first, last = (uuid.UUID(hex=name + digit * 26) for digit in "0f")
        has_jobs = top == ARTIFACTS and Job.objects.filter(pk__gte=first, pk__lte=last).exists()
        if not has_jobs and _is_old(begin + FOLDER_SPAN, now):
            _remove(folder)


def _remove(folder: str) -> None:
    with contextlib.suppress(OSError):  # on a file system: another process has removed it
        job_storage().delete(folder)


def _id(name: str) -> uuid.UUID | None:
    """The UUID that a name begins with; a storage may append to a name."""
    try:
        return uuid.UUID(hex=name[:32])
    except ValueError:
        return None
