"""The temporary folder of an attempt: made when a task asks for it, removed with the attempt.

Its name says whose it is, so that anybody can tell later whether it is still needed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from jobs.conf import get_conf

COPY: Final = "copy-"
DAY_SECONDS: Final = 24 * 3600


class TempDir(NamedTuple):
    """The temporary folder of an attempt, which may not exist."""

    job: uuid.UUID
    attempt: int

    @property
    def path(self) -> Path:
        """Where it is, as an absolute path: a task may change its working directory."""
        return _parent() / f"{self.job.hex}-{self.attempt}"

    def make(self) -> Path:
        """Make it, empty and for us alone (0700); return where it is."""
        self.remove()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700)
        return self.path

    def remove(self) -> None:
        """Remove it with all that is in it. What is in use on Windows stays for the next sweep."""
        if self.path.exists():
            _remove_tree(self.path)


def existing() -> Iterator[TempDir]:
    """Yield the temporary folders that exist on this machine."""
    if not _parent().is_dir():
        return
    for path in _parent().iterdir():
        job, _, attempt = path.name.partition("-")
        try:
            yield TempDir(uuid.UUID(hex=job), int(attempt))
        except ValueError:  # not ours
            continue


def path_of_copy() -> Path:
    """Return a path, of no file yet, for a copy of what is in a remote storage."""
    _parent().mkdir(parents=True, exist_ok=True)
    return _parent() / f"{COPY}{uuid.uuid4().hex}"


def remove_copy(path: Path) -> None:
    """Remove a copy; one that is in use on Windows stays until it is old."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def remove_old_copies(now: float) -> None:
    """Remove the copies that were left by processes that were killed, after a day.

    Args:
        now: seconds since 1970.
    """
    for path in _parent().glob(f"{COPY}*"):
        with contextlib.suppress(OSError):  # another process removes it
            if path.stat().st_mtime < now - DAY_SECONDS:
                remove_copy(path)


def _parent() -> Path:
    return get_conf().data_dir.absolute() / "tmp"


def _remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    # A folder that may not be written (an unpacked archive has such), a read-only file on Windows.
    folder.chmod(stat.S_IRWXU)
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            if not path.is_symlink():
                path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
