"""A file lock says that its process lives: whoever can take it has proof of death.

The operating system lets go of the lock when the process ends, however it ends; process ids can
be reused and mean nothing across containers.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from ..conf import get_conf


def _path(consumer: uuid.UUID) -> Path:
    folder = get_conf().data_dir / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{consumer.hex}.lock"


def hold(consumer: uuid.UUID) -> FileLock:
    """Take a consumer's lock for the life of this process.

    Raises:
        Timeout: another process holds it, which two consumers never share.
    """
    lock = FileLock(_path(consumer), thread_local=False)
    lock.acquire(timeout=5)
    return lock


def is_proof_of_death(consumer: uuid.UUID) -> bool:
    """Whether the consumer's lock lies in our data folder and nobody holds it."""
    path = _path(consumer)
    if not path.exists():
        return False  # another machine's, or not yet made: no proof either way
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def remove(consumer: uuid.UUID) -> None:
    """Remove a dead consumer's lock file."""
    _path(consumer).unlink(missing_ok=True)
