"""Who may read the files of the data folder and the database, on systems with permission bits.

The database has the hashes of passwords and tokens, the arguments and the results of all jobs.
SQLite makes its files readable for everybody, as far as the umask allows; its log (``-wal``,
``-shm``) gets the permissions of the database.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobs.conf import get_conf

from .database_file import path_of
from .db import connection

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_OTHERS: Final = stat.S_IRWXO


def exposed_files() -> list[Path]:
    """Return the database's files, the secret and the folders of files that every user of this
    machine can read or enter; none on Windows, where folders of a user are private."""
    if os.name == "nt":
        return []
    database, folder = path_of(connection()), get_conf().data_dir
    paths = [folder / "secret", folder / "files"]
    if database and not database.startswith("file:"):
        paths += database_files(Path(database))
    return [path for path in paths if _others_reach(path)]


def database_files(database: Path) -> list[Path]:
    """Return the files of an SQLite database."""
    return [database, *(database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm"))]


def keep_private(paths: Iterable[Path]) -> None:
    """Take from everybody else what they may do with these files and folders, where they are ours.

    A group keeps its rights where it has been given the folder (its set-group-ID bit). Never
    raises: ``manage.py doctor`` names what stays readable.
    """
    if os.name == "nt":
        return
    for path in paths:
        with suppress(OSError):
            found = path.stat()
            if not found.st_mode & _OTHERS or found.st_uid != os.geteuid():
                continue
            mode = FOLDER_MODE if stat.S_ISDIR(found.st_mode) else FILE_MODE
            if path.parent.stat().st_mode & stat.S_ISGID:
                mode = stat.S_IMODE(found.st_mode) & ~_OTHERS
            path.chmod(mode)


def create_private(path: Path) -> None:
    """Make an empty file for this user alone, unless there is one: for SQLite, that is a database.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def is_entered_by_others(folder: Path) -> bool:
    """Whether other users of this machine can open what is made in a folder."""
    try:
        return os.name != "nt" and all(_others_enter(one) for one in (folder, *folder.parents))
    except OSError:
        return False


def _others_reach(path: Path) -> bool:
    try:
        is_open = path.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH)
    except OSError:
        return False
    return bool(is_open) and is_entered_by_others(path.absolute().parent)


def _others_enter(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
