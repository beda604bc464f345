"""Whether the database can take jobs now."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.database_faults import RETRY_SECONDS, Fault, one_line
from jobs.core.database_file import REPLACED, is_replaced, open_again, path_of
from jobs.core.database_identity import check_identity
from jobs.core.db import connection, run
from jobs.core.schema import SchemaState, schema_state
from jobs.errors import Unavailable
from jobs.models import Job, Upload

INTERVAL_SECONDS: Final = 1.0
"""The database is asked at most this often by one process, however many ask for its health."""
RESTART_SECONDS: Final = 30
"""Someone has to migrate it, or to start the process anew."""
READ_ONLY: Final = "The database takes no writes: it is read-only."
_RIGHTS: Final = "has_any_column_privilege('{table}', 'INSERT')"


def database_problem() -> Unavailable | None:
    """Return why no jobs can be submitted, as a sentence; None when they can.

    It may be called by anyone as often as they like. At most four queries a second, none of them
    of a table's size; no lock is waited for.

    Raises:
        DatabaseError: the database does not answer, or lacks our tables.
    """
    return _health.problem(connection())


def schema_problem(state: SchemaState) -> str | None:
    """Return what sets the tables apart from this code, as a sentence."""
    if state.missing:
        names = ", ".join(state.missing)
        return f"The database is older than this code: {names} not applied. Run: manage.py migrate."
    if state.unknown:
        return f"The database is newer than this code: it has {', '.join(state.unknown)}."
    return None


def write_problem(db: BaseDatabaseWrapper) -> str | None:
    """Return why nothing can be inserted, as a sentence; nothing is written to find out.

    Raises:
        DatabaseError: the database does not answer.
    """
    if db.vendor == "postgresql":
        problem = _postgresql_problem(db)
        if problem is not None and not db.in_atomic_block:
            db.close()  # the next connection may be another session, or lead elsewhere
        return problem
    path = path_of(db)
    return _sqlite_problem(path) if path else None


def _postgresql_problem(db: BaseDatabaseWrapper) -> str | None:
    tables = [model._meta.db_table for model in (Job, Upload)]
    rights = ", ".join(_RIGHTS.format(table=table) for table in tables)
    # "on" on a standby as well.
    statement = f"SELECT current_setting('transaction_read_only'), {rights}"
    [(read_only, *allowed)] = run(db, statement, [])
    if read_only == "on":
        return READ_ONLY
    missing = [table for table, right in zip(tables, allowed, strict=True) if not right]
    if missing:
        names = ", ".join(missing)
        return f"The database takes no writes: the right to insert into {names} is missing."
    return None


def _sqlite_problem(path: str) -> str | None:
    try:
        # Anew: a connection that is open keeps the rights that the file had then.
        with closing(open_again(path)) as fresh:
            # BEGIN IMMEDIATE alone begins to read where nothing can be written.
            fresh.execute("BEGIN IMMEDIATE")
            fresh.execute("UPDATE jobs_queue SET paused = paused WHERE 0")
            fresh.execute("ROLLBACK")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            return READ_ONLY
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return None  # somebody writes: it can be written
        return f"The database file cannot be written: {one_line(error)}."
    # The log is made anew beside the file. (No question on Windows, where this is always true.)
    folder = Path(path).parent
    if not path.startswith("file:") and not os.access(folder, os.W_OK):
        return f"The database takes no writes: its folder {folder.name} is read-only."
    return None


class _Health:
    """The last answer of a database, kept for a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._alias = ""
        self._problem: Unavailable | None = None

    def problem(self, db: BaseDatabaseWrapper) -> Unavailable | None:
        with self._lock:
            if self._alias == db.alias and time.monotonic() < self._until:
                return self._problem
        problem = _examine(db)
        with self._lock:
            self._alias, self._problem = db.alias, problem
            self._until = time.monotonic() + INTERVAL_SECONDS
        return problem

    def forget(self) -> None:
        """Ask anew next time, as tests do that have changed the database."""
        self._until = 0.0


def _examine(db: BaseDatabaseWrapper) -> Unavailable | None:
    run(db, "SELECT paused FROM jobs_queue LIMIT 1", [])  # it answers, and has our tables
    check_identity()
    if is_replaced():
        return Unavailable(REPLACED, RESTART_SECONDS)
    text = schema_problem(schema_state(db))
    if text is not None:
        return Unavailable(text, RESTART_SECONDS)
    text = write_problem(db)
    return None if text is None else Unavailable(text, RETRY_SECONDS[Fault.NO_WRITES])


_health = _Health()
