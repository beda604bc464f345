"""The file lock that shows on its machine whether a consumer's process lives."""

from __future__ import annotations

import uuid
from pathlib import Path

from filelock import FileLock

from jobs.conf import get_conf
from jobs.core import process_lock
from jobs.core.uuid7 import is_uuid

_others: dict[Path, FileLock] = {}
"""The locks that were tried before: each is tried every second, and to make a ``FileLock`` takes
nearly as long as to try it."""


def _path(consumer: uuid.UUID) -> Path:
    return get_conf().data_dir / "locks" / f"{consumer.hex}.lock"


def hold(consumer: uuid.UUID) -> FileLock:
    """Take a consumer's lock for the life of this process.

    Raises:
        Timeout: another process holds it, which two consumers never share.
    """
    return process_lock.hold(_path(consumer))


def is_proof_of_death(consumer: uuid.UUID) -> bool:
    """Whether the consumer's lock file is in our data folder and no process holds it."""
    path = _path(consumer)
    return process_lock.is_free(
        _others.get(path) or _others.setdefault(path, process_lock.lock_for(path))
    )


def held_on_this_machine() -> set[uuid.UUID]:
    """Return the consumers of our data folder whose processes live."""
    return {
        uuid.UUID(path.stem)
        for path in (get_conf().data_dir / "locks").glob("*.lock")
        if is_uuid(path.stem) and process_lock.is_held(path)
    }


def remove(consumer: uuid.UUID) -> None:
    """Remove a dead consumer's lock file."""
    path = _path(consumer)
    _others.pop(path, None)
    process_lock.remove(path)
