"""A file lock says that its process lives: whoever can take it has proof of death.

The operating system lets go of the lock when the process ends, however it ends; process ids can
be reused and mean nothing across containers.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from ..conf import get_conf

_others: dict[Path, FileLock] = {}
"""What was asked for before: each second it is, and to make one takes longer than to try it."""


def _path(consumer: uuid.UUID) -> Path:
    return get_conf().data_dir / "locks" / f"{consumer.hex}.lock"


def hold(consumer: uuid.UUID) -> FileLock:
    """Take a consumer's lock for the life of this process.

    Raises:
        Timeout: another process holds it, which two consumers never share.
    """
    path = _path(consumer)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    lock.acquire(timeout=5)
    return lock


def is_proof_of_death(consumer: uuid.UUID) -> bool:
    """Whether the consumer's lock lies in our data folder and nobody holds it."""
    path = _path(consumer)
    if not path.exists():
        return False  # another machine's, or not yet made: no proof either way
    lock = _others.get(path) or _others.setdefault(path, FileLock(path, thread_local=False))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def remove(consumer: uuid.UUID) -> None:
    """Remove a dead consumer's lock file."""
    path = _path(consumer)
    _others.pop(path, None)
    path.unlink(missing_ok=True)
