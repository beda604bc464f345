"""Whether the storage of files can be used."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from jobs.core.shortages import try_start
from jobs.core.storage import NOT_NOW, job_storage, local_folder, log_failure

MIN_FREE_BYTES: Final = 10_000_000
"""With less a disk counts as full: SQLite's log and an upload of a few megabytes need as much."""
INTERVAL_SECONDS: Final = 10.0
"""A service is asked at most this often by one process, however many ask for its health."""
PATIENCE_SECONDS: Final = 2.0
"""A service that has not answered after so long counts as away."""
AWAY: Final = "The storage of files does not respond."


def check_round_trip(storage: Storage) -> None:
    """Write a small file, read it and delete it.

    Raises:
        Exception: what the storage raises; each has exceptions of its own.
        RuntimeError: what was read is not what was written.
    """
    written = uuid.uuid4().bytes
    name = storage.save(f"health/{uuid.uuid4().hex}", ContentFile(written))
    try:
        with storage.open(name, "rb") as file:
            read = file.read()
    finally:
        storage.delete(name)
    if read != written:
        raise RuntimeError("What was read is not what was written.")


def storage_problem() -> str | None:
    """Return what keeps files from being stored, as a sentence; None when nothing does.

    It may be called by anyone as often as they like: a folder costs two system calls, a service one
    thread at most.
    """
    folder = local_folder()
    return _service.problem(job_storage()) if folder is None else _folder_problem(folder)


def _folder_problem(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"The folder of files cannot be used: {error.strerror or error}."
    return "The disk is full." if free < MIN_FREE_BYTES else None


class _ServiceHealth:
    """The last answer of a service, renewed in a thread so that nobody waits for one that hangs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._storage: Storage | None = None
        self._problem: str | None = None
        self._asked_at = 0.0
        self._answered = threading.Event()

    def problem(self, storage: Storage) -> str | None:
        """Return the sentence of the last answer; the caller that asks anew waits for it."""
        with self._lock:
            now = time.monotonic()
            is_new = self._storage is not storage
            is_due = self._answered.is_set() and now - self._asked_at >= INTERVAL_SECONDS
            asks = is_new or is_due
            if asks:
                self._storage, self._asked_at = storage, now
                self._answered = threading.Event()
                arguments = (storage, self._answered)
                asking = threading.Thread(
                    target=self._ask, args=arguments, name="storage health", daemon=True
                )
                if not try_start(asking):
                    self._answered.set()  # what was found last counts
            answered, asked_at = self._answered, self._asked_at
        if asks:
            answered.wait(PATIENCE_SECONDS)
        if not answered.is_set() and time.monotonic() - asked_at >= PATIENCE_SECONDS:
            return AWAY
        return self._problem

    def _ask(self, storage: Storage, answered: threading.Event) -> None:
        problem = None
        try:
            check_round_trip(storage)
        except Exception as error:  # noqa: BLE001  (each service raises exceptions of its own)
            log_failure(error)
            problem = NOT_NOW
        if self._answered is answered:
            self._problem = problem
        answered.set()


_service = _ServiceHealth()
