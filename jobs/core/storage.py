"""The Django storage that holds the bytes of uploads and artifacts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.files.storage.handler import InvalidStorageError

from jobs.conf import get_conf

logger = logging.getLogger("jobs")

ALIAS = "jobs"
RESULT_FILE: Final = "result.json"
"""The artifact that holds a result too large for its row."""


def job_storage() -> Storage:
    """Return the storage for job files: ``STORAGES["jobs"]`` if set, else the data folder.

    The folder is private: files are served by views that check permissions, never by a URL of the
    storage.
    """
    try:
        return storages[ALIAS]
    except InvalidStorageError:
        return FileSystemStorage(location=get_conf().data_dir / "files", base_url=None)


def delete_files(names: Iterable[str]) -> None:
    """Delete files that no row refers to any more; log those that cannot be deleted.

    A file that stays behind is found later by ``lifecycle.FileCollector``.
    """
    storage = job_storage()
    for name in names:
        try:
            storage.delete(name)
        except OSError as error:  # on Windows, while a process reads it
            logger.warning("The file %s could not be deleted: %s", name, error)
