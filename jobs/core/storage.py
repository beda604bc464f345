"""Where the bytes of uploads and artifacts are: a Django storage."""

from __future__ import annotations

from typing import Final

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.files.storage.handler import InvalidStorageError

from jobs.conf import get_conf

ALIAS = "jobs"
RESULT_FILE: Final = "result.json"
"""The artifact that holds a result too large for its row."""


def job_storage() -> Storage:
    """Return the storage for job files: ``STORAGES["jobs"]`` if set, else the data folder.

    The folder is private: files are handed out by views that check who asks, never by a URL of
    the storage.
    """
    try:
        return storages[ALIAS]
    except InvalidStorageError:
        return FileSystemStorage(location=get_conf().data_dir / "files", base_url=None)
