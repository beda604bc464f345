"""Files that no row names: their process died between storing them and noting them.

They are looked for a step at a time, through Django's storage API, which any storage has. Only what
is older than a day goes, and nothing of a job that is unfinished: the note of a file may be kept in
a consumer's memory for as long as the database is away.
"""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from jobs.core.storage import job_storage
from jobs.models import Artifact, Job, Upload

from .prune import CHUNK, DAY, delete_files

UPLOADS: Final = "uploads"
ARTIFACTS: Final = "artifacts"
SPAN: Final = timedelta(milliseconds=2**24)
"""A folder holds what was made within this time, 4.7 hours: it is named by the first six digits of
UUIDs of version 7, which begin with the milliseconds since 1970, in twelve."""


class FileCollector:
    """Goes round the storage; what it does in a step is bounded."""

    def __init__(self) -> None:
        self._places: Iterator[tuple[str, Sequence[str]]] | None = None

    def step(self, now: datetime) -> int | None:
        """Look at one place; return how many files went, None at the end of a round."""
        if self._places is None:
            self._places = _places()
        try:
            place, names = next(self._places)
        except (StopIteration, NotImplementedError):  # some storages cannot list
            self._places = None
            return None
        if not names:
            _forget_place(place, now)
            return 0
        sweep = _sweep_uploads if place.startswith(UPLOADS) else _sweep_folders
        return sweep(place, names, now)


def _places() -> Iterator[tuple[str, Sequence[str]]]:
    """Each folder in pieces; in any order, so that several processes look in several places."""
    for kind in (UPLOADS, ARTIFACTS):
        folders, _ = _listed(kind)
        random.shuffle(folders)
        for folder in folders:
            place = f"{kind}/{folder}"
            below, files = _listed(place)
            names = files if kind == UPLOADS else below
            if not (below or files):
                yield place, ()
            for start in range(0, len(names), CHUNK):
                yield place, names[start : start + CHUNK]


def _listed(path: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = job_storage().listdir(path)
    except FileNotFoundError:
        return [], []
    return list(folders), list(files)


def _sweep_uploads(place: str, names: Sequence[str], now: datetime) -> int:
    ids = {f"{place}/{name}": key for name in names if (key := _id(name))}
    known = set(Upload.objects.filter(pk__in=ids.values()).values_list("pk", flat=True))
    return _delete_old([file for file, key in ids.items() if key not in known], now)


def _sweep_folders(place: str, names: Sequence[str], now: datetime) -> int:
    """Of jobs that are forgotten, and of those that finished more than a day ago."""
    folders = {key: f"{place}/{name}" for name in names if (key := _id(name))}
    ended = dict(Job.objects.filter(pk__in=folders).values_list("pk", "finished_at"))
    over = [key for key in folders if key not in ended or _is_old(ended[key], now)]
    # The files before the rows: what a new attempt stores from now on is not among them.
    files = {key: [f"{folders[key]}/{name}" for name in _listed(folders[key])[1]] for key in over}
    named = set(Artifact.objects.filter(job__in=over).values_list("file", flat=True))
    strays = [file for found in files.values() for file in found if file not in named]
    gone = _delete_old(strays, now)
    for key in over:
        if key not in ended and not any(_listed(folders[key])):
            _remove(folders[key])
    return gone


def _delete_old(files: Sequence[str], now: datetime) -> int:
    old = [file for file in files if _is_old(_stored_at(file), now)]
    delete_files(old)
    return len(old)


def _stored_at(file: str) -> datetime | None:
    try:
        return job_storage().get_modified_time(file)
    except (FileNotFoundError, NotImplementedError):  # gone meanwhile; or never to be known
        return None


def _is_old(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment < now - DAY


def _forget_place(place: str, now: datetime) -> None:
    """Remove an empty folder in which nothing will be made any more."""
    kind, _, folder = place.rpartition("/")
    with contextlib.suppress(ValueError, OverflowError):
        begin = datetime.fromtimestamp((int(folder, 16) << 24) / 1000, UTC)
        first, last = (uuid.UUID(hex=folder + digit * 26) for digit in "0f")
        jobs = kind == ARTIFACTS and Job.objects.filter(pk__gte=first, pk__lte=last).exists()
        if not jobs and _is_old(begin + SPAN, now):
            _remove(place)


def _remove(folder: str) -> None:
    with contextlib.suppress(OSError):  # where folders are real: somebody was quicker
        job_storage().delete(folder)


def _id(name: str) -> uuid.UUID | None:
    """The id that a name of ours begins with; a storage may have appended to it."""
    try:
        return uuid.UUID(hex=name[:32])
    except ValueError:
        return None
