"""A file lock says that its process lives: whoever can take it has proof of death.

The operating system lets go of the lock when the process ends, however it ends; process ids can
be reused and mean nothing across containers.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


def lock_for(path: Path) -> FileLock:
    """Return a file's lock, not taken."""
    return FileLock(path, thread_local=False)


def hold(path: Path) -> FileLock:
    """Take a file's lock for the life of this process; the file and its folder are made.

    Raises:
        Timeout: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_for(path)
    lock.acquire(timeout=5)
    return lock


def is_free(lock: FileLock) -> bool:
    """Whether the lock's file is there and nobody holds it."""
    if not _take(lock):
        return False
    lock.release()
    return True


def remove(path: Path) -> None:
    """Remove a file whose lock nobody holds."""
    with suppress(PermissionError):  # Windows: another tries the lock at this moment
        path.unlink(missing_ok=True)


def remove_if_free(path: Path) -> bool:
    """Remove a file if it is there and nobody holds its lock; whether that was so."""
    lock = lock_for(path)
    if not _take(lock):
        return False
    try:
        path.unlink(missing_ok=True)  # while we hold it: who waits for it makes a new file
    except PermissionError:  # Windows: not while it is open
        lock.release()
        remove(path)
    else:
        lock.release()
    return True


def _take(lock: FileLock) -> bool:
    if not Path(lock.lock_file).exists():
        return False  # another machine's, or not yet made: no proof either way
    try:
        lock.acquire(timeout=0)
    except (Timeout, PermissionError):  # another user's tells us nothing
        return False
    return True
