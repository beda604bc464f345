"""The Django storage that holds the bytes of uploads and artifacts.

A storage may be a folder or a service (S3, Azure, SFTP, ...). Each service raises exceptions of its
own library; here they become ``Unavailable``, so that callers know three cases only: it worked,
the file is not there (``FileNotFoundError``), the storage cannot be used now.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.files.storage.handler import InvalidStorageError

from jobs.conf import get_conf
from jobs.errors import JobsError, Unavailable

from .private_files import FILE_MODE, FOLDER_MODE

if TYPE_CHECKING:
    AnyFile = File[Any]
else:
    AnyFile = File  # generic for type checkers only

logger = logging.getLogger("jobs")

ALIAS: Final = "jobs"
RESULT_FILE: Final = "result.json"
"""The artifact that holds a result too large for its row."""
NOT_NOW: Final = "The storage of files cannot be used now."
RETRY_SECONDS: Final = 10
FULL_RETRY_SECONDS: Final = 60
"""What a client waits before it tries again when the storage cannot be used, or is full."""
DISK_FULL: Final = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
MAX_FAILURES: Final = 3
"""A service that is away takes its time-out for each file: after so many, deleting stops."""


def job_storage() -> Storage:
    """Return the storage for job files: ``STORAGES["jobs"]`` if set, else the data folder.

    The folder is private: files are served by views that check permissions, never by a URL of the
    storage.
    """
    try:
        return storages[ALIAS]
    except InvalidStorageError:
        return FileSystemStorage(
            location=get_conf().data_dir / "files", base_url=None, **_permissions()
        )


def _permissions() -> dict[str, Any]:
    """For this user alone, unless the project has chosen: Django's default lets everybody read."""
    is_chosen: bool = settings.is_overridden("FILE_UPLOAD_PERMISSIONS")  # type: ignore[misc]
    if is_chosen:
        return {}
    return {"file_permissions_mode": FILE_MODE, "directory_permissions_mode": FOLDER_MODE}


def is_configured() -> bool:
    """Return whether the project has chosen a storage for job files."""
    return ALIAS in storages.backends


def local_folder() -> Path | None:
    """Return the folder of the storage if it is one of a mounted file system, else None."""
    storage = job_storage()
    return Path(storage.location) if isinstance(storage, FileSystemStorage) else None


@contextmanager
def storage_errors_as_unavailable() -> Iterator[None]:
    """Turn what a storage raises into ``Unavailable``; its own words go to the log.

    Raises:
        FileNotFoundError: there is no such file.
        Unavailable: the disk is full, or the storage cannot be used now.
    """
    try:
        yield
    except (JobsError, FileNotFoundError):
        raise
    except Exception as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> Unavailable:
    """Return what a client is told of a storage's error.

    The library's text may name hosts, buckets and folders: it is for the log alone.
    """
    log_failure(error)
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return Unavailable("The disk is full.", FULL_RETRY_SECONDS)
    return Unavailable(NOT_NOW, RETRY_SECONDS)


def log_failure(error: Exception) -> None:
    """Log what a storage has raised."""
    logger.warning("The storage of files failed: %s: %s", type(error).__name__, error)


def open_file(name: str) -> IO[bytes]:
    """Open a stored file for reading bytes.

    Raises:
        FileNotFoundError: there is none of this name.
        Unavailable: the storage cannot be used now.
    """
    with storage_errors_as_unavailable():
        source: IO[bytes] = job_storage().open(name, "rb")
        source.seekable()  # a file of a service is fetched here, not in the middle of a response
        return source


def save_file(name: str, content: AnyFile) -> str:
    """Store a file; return its name in the storage, which may differ.

    Raises:
        Unavailable: the disk is full, or the storage cannot be used now.
    """
    with storage_errors_as_unavailable():
        return job_storage().save(name, content)


def delete_files(names: Iterable[str]) -> None:
    """Delete files that no row refers to any more; log those that cannot be deleted. Never raises.

    A file that stays behind is found later by ``lifecycle.FileCollector``.
    """
    storage = job_storage()
    failures = 0
    for name in names:
        try:
            _delete(storage, name)
        except Exception as error:  # noqa: BLE001  (each service raises exceptions of its own)
            # On Windows OSError while a process reads it: the next file may be free.
            failures += not isinstance(error, OSError)
            logger.warning("The file %s could not be deleted: %s", name, error)
        if failures == MAX_FAILURES:
            logger.warning("The storage of files fails; the other files are deleted later.")
            return


def _delete(storage: Storage, name: str) -> None:
    try:
        storage.delete(name)
    except PermissionError:
        # Windows deletes no file with the read-only attribute, which a restored backup may have.
        if os.name != "nt" or not isinstance(storage, FileSystemStorage):
            raise
        Path(storage.path(name)).chmod(stat.S_IREAD | stat.S_IWRITE)
        storage.delete(name)
