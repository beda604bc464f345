"""A database that was replaced in place under this process: by a backup, as a rule.

An SQLite file into which another one was copied keeps its inode, and PostgreSQL's connections stay
where they are while ``pg_restore --clean`` makes the tables anew. What this process knows then is
about jobs that are not there, or not yet as far: the number of an attempt that it runs may be given
to another consumer, and its outcome would be taken for that one's.

The identity is found without a table of its own: when the app's first migration was applied, the
object id of the table of jobs on PostgreSQL (a failover to a standby keeps it), and on SQLite the
counters of the tables' keys, which never go back but in an older copy of the same file.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from . import database_file
from .db import DATABASE_ERRORS, connection, run

logger = logging.getLogger("jobs")

_SQLITE: Final = """
SELECT (SELECT applied FROM django_migrations WHERE app = 'jobs' ORDER BY id LIMIT 1),
    (SELECT coalesce(sum(seq), 0) FROM sqlite_sequence WHERE name LIKE 'jobs\\_%' ESCAPE '\\')
"""
_POSTGRESQL: Final = """
SELECT (SELECT applied FROM django_migrations WHERE app = 'jobs' ORDER BY id LIMIT 1),
    'jobs_job'::regclass::oid::bigint
"""


class Identity(NamedTuple):
    """What tells one database from another with the same address.

    Attributes:
        made: when its first migration was applied, and on PostgreSQL the table's object id.
        rows: how many rows were ever inserted on SQLite; 0 on PostgreSQL.
    """

    made: tuple[object, ...]
    rows: int


_known: dict[str, Identity] = {}


def forget_identity() -> None:
    """Begin anew with the database that is there now, as a consumer does that starts."""
    _known.clear()


def check_identity() -> None:
    """Remember which database this is; find out later that it is another one.

    ``database_file.is_replaced`` tells from then on. One query on PostgreSQL; on SQLite a
    new connection, since an open one does not notice the copy (1.9 ms on a busy machine).
    """
    db = connection()
    try:
        found = _identity(db)
    except (*DATABASE_ERRORS, sqlite3.Error) as error:
        # Away, not migrated, in the middle of a restore: whoever uses it says so.
        logger.debug("The database's identity cannot be read: %s", error)
        return
    if found is None:
        return
    key = database_file.key_of(db)
    known = _known.setdefault(key, found)
    if known.made != found.made or found.rows < known.rows:
        database_file.mark_replaced(db)
    else:
        _known[key] = found


def _identity(db: BaseDatabaseWrapper) -> Identity | None:
    if db.vendor == "postgresql":
        [made] = run(db, _POSTGRESQL, [])
        return Identity(made, 0)
    path = database_file.path_of(db)
    if not path:
        return None
    # A connection that is open has pages of the old file in its cache.
    with closing(database_file.open_again(path)) as fresh:
        [(applied, rows)] = fresh.execute(_SQLITE).fetchall()
    return Identity((applied,), rows)
