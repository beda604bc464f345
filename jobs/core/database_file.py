"""An SQLite file that was deleted or replaced while this process has it open.

The process would go on writing into a file without a name, and all of that would be lost when it
ends. It cannot go on with the new file either, because what it knows is about the old one.
"""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.errors import Unavailable

from .db import connection

REPLACED: Final = (
    "The database file was replaced or deleted while it was open. Restart this process."
)
RETRY_SECONDS: Final = 30
"""When to tell a client to try again: someone has to restart the process."""


class _FileId(NamedTuple):
    device: int
    number: int


_opened: dict[str, _FileId | None] = {}
"""The first file that this process opened under each path."""


def remember_file(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Remember which file a new connection opened (a receiver of ``connection_created``)."""
    path = _path(connection)
    if path and path not in _opened:
        _opened[path] = _file_id(path)


def is_replaced() -> bool:
    """Whether the database file of the jobs is no longer the one that this process opened.

    It costs a system call (2 us); False on another database.
    """
    path = _path(connection())
    return path in _opened and _opened[path] != _file_id(path)


def require_same_file() -> None:
    """Check that what is written now is not lost.

    Raises:
        Unavailable: the file was replaced.
    """
    if is_replaced():
        raise Unavailable(REPLACED, RETRY_SECONDS)


def _path(db: BaseDatabaseWrapper) -> str:
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
