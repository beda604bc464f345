"""File locks that show whether a process is alive: if the lock is free, its process has died.

The operating system releases the lock when the process ends, however it ends. Process ids can be
reused, and mean nothing across containers.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


def lock_for(path: Path) -> FileLock:
    """Return the lock of a file, not acquired. Its release leaves the file.

    On Windows, and in some versions on every system, ``filelock`` removes the file otherwise. Then
    the first who asked whether a process lives (``doctor`` does as well) would take the proof of
    its death from all others.
    """
    return FileLock(path, thread_local=False, preserve_lock_file=True)


def hold(path: Path) -> FileLock:
    """Acquire the lock of a file for the life of this process; create the file and its folder.

    Raises:
        Timeout: another process has held it for 5 seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_for(path)
    lock.acquire(timeout=5)
    return lock


def is_free(lock: FileLock) -> bool:
    """Whether the file of the lock exists and no process holds the lock."""
    if not _acquire(lock):
        return False
    lock.release()
    return True


def is_held(path: Path) -> bool:
    """Whether another process holds the lock of a file, as far as this user may know."""
    lock = lock_for(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except PermissionError:
        return False
    lock.release()
    return False


def remove(path: Path) -> None:
    """Remove a file whose lock no process holds."""
    with suppress(PermissionError):  # Windows: another process is trying the lock just now
        path.unlink(missing_ok=True)


def remove_if_free(path: Path) -> bool:
    """Remove a file if it exists and no process holds its lock; return whether it was removed."""
    lock = lock_for(path)
    if not _acquire(lock):
        return False
    try:
        path.unlink(
            missing_ok=True
        )  # while we hold the lock: a process waiting for it makes a new file
    except PermissionError:  # Windows: an open file cannot be removed
        lock.release()
        remove(path)
    else:
        lock.release()
    return True


def _acquire(lock: FileLock) -> bool:
    if not Path(lock.lock_file).exists():
        return False  # of another machine, or not yet created: this proves nothing
    try:
        lock.acquire(timeout=0)
    except (Timeout, PermissionError):  # a lock of another user proves nothing
        return False
    return True
