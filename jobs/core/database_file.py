"""A database that was deleted or replaced while this process uses it: above all an SQLite file.

The process would go on writing into a file without a name, and all of that would be lost when it
ends. It cannot go on with the new file either, because what it knows is about the old one.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.errors import Unavailable

from .db import connection

REPLACED: Final = "The database was replaced or deleted while it was in use. Restart this process."
RETRY_SECONDS: Final = 30
"""When to tell a client to try again: someone has to restart the process."""


class _FileId(NamedTuple):
    device: int
    number: int


_opened: dict[str, _FileId | None] = {}
"""The first file that this process opened under each path."""
_replaced: set[str] = set()
"""The databases that ``database_identity`` found to be others by now."""


def remember_file(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Remember which file a new connection opened (a receiver of ``connection_created``)."""
    path = path_of(connection)
    if path and path not in _opened:
        _opened[path] = _file_id(path)


def is_replaced() -> bool:
    """Whether the database of the jobs is no longer the one that this process began with.

    It costs a system call (2 us) on SQLite, none on another database.
    """
    db = connection()
    if _replaced and key_of(db) in _replaced:
        return True
    path = path_of(db)
    return path in _opened and _opened[path] != _file_id(path)


def mark_replaced(db: BaseDatabaseWrapper) -> None:
    """Note that another database is at the address of this one."""
    _replaced.add(key_of(db))


def key_of(db: BaseDatabaseWrapper) -> str:
    """Return what tells the address of one database from that of another."""
    names = ("ENGINE", "HOST", "PORT", "NAME")
    return "\n".join(str(db.settings_dict.get(name, "")) for name in names)


def require_same_file() -> None:
    """Check that what is written now is not lost.

    Raises:
        Unavailable: the database was replaced.
    """
    if is_replaced():
        raise Unavailable(REPLACED, RETRY_SECONDS)


def open_again(path: str) -> sqlite3.Connection:
    """Open an SQLite file once more, without waiting for a lock; it is not made if it is missing.

    Only by SQLite: any other file object that is closed would take the locks of all connections of
    this process with it (https://www.sqlite.org/howtocorrupt.html, 2.2).

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    uri = path if path.startswith("file:") else f"{Path(path).absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)


def path_of(db: BaseDatabaseWrapper) -> str:
    """The path of an SQLite file; empty for another database, or one in memory."""
    if db.vendor != "sqlite":
        return ""
    name = str(db.settings_dict["NAME"])
    return "" if ":memory:" in name or "mode=memory" in name else name


def _file_id(path: str) -> _FileId | None:
    try:
        found = os.stat(path)  # noqa: PTH116  (a Path would take three times as long)
    except FileNotFoundError:
        return None
    return _FileId(found.st_dev, found.st_ino)
