"""Why a database cannot be used, and whether that passes by itself.

Only what passes is worth "try again in 2 s". Django's classes do not tell: SQLite's missing table
and its lock are both ``OperationalError``, and PostgreSQL's read-only transaction is an
``InternalError`` beside its bugs.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from enum import Enum
from typing import Final

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError

from .db import connection


class Fault(Enum):
    """What keeps a database from being used, whatever the values are that it was given."""

    AWAY = "away"
    """Locked, full, restarting or out of reach: it passes by itself."""
    NO_WRITES = "no writes"
    """Read-only, as a standby is, or rights are missing: it passes when somebody changes that. What
    only reads may work meanwhile."""
    UNFIT = "unfit"
    """A missing table or column, a corrupt file: no statement will do until that is mended."""


MOST_SHOWN: Final = 500
RETRY_SECONDS: Final = {Fault.AWAY: 2, Fault.NO_WRITES: 10}
"""When to tell a client to try again; not where that is no use."""
# Primary result codes (https://www.sqlite.org/rescode.html). The others (locked, full, an I/O
# error, a file that cannot be opened because too many are open) can pass.
_SQLITE: Final = {
    sqlite3.SQLITE_READONLY: Fault.NO_WRITES,
    sqlite3.SQLITE_PERM: Fault.NO_WRITES,
    sqlite3.SQLITE_AUTH: Fault.NO_WRITES,
    sqlite3.SQLITE_ERROR: Fault.UNFIT,  # a missing table or column, a syntax error
    sqlite3.SQLITE_CORRUPT: Fault.UNFIT,
    sqlite3.SQLITE_NOTADB: Fault.UNFIT,
    sqlite3.SQLITE_CONSTRAINT: None,
    sqlite3.SQLITE_TOOBIG: None,
    sqlite3.SQLITE_MISMATCH: None,
}
# SQLSTATEs and their classes (PostgreSQL, appendix A); the longest that fits counts.
_POSTGRESQL: Final = {
    "25006": Fault.NO_WRITES,  # read_only_sql_transaction: a standby, default_transaction_read_only
    "42501": Fault.NO_WRITES,  # insufficient_privilege
    "28": Fault.NO_WRITES,  # who we are
    "3D": Fault.NO_WRITES,  # a database that is missing: while it is restored, perhaps
    "08": Fault.AWAY,  # the connection
    "25P03": Fault.AWAY,  # idle_in_transaction_session_timeout, which we set ourselves
    "25P04": Fault.AWAY,  # transaction_timeout
    "40": Fault.AWAY,  # a deadlock, a serialization failure
    "53": Fault.AWAY,  # full, out of memory, too many connections
    "54": Fault.AWAY,
    "55": Fault.AWAY,  # lock_not_available
    "57": Fault.AWAY,  # shut down, starting up, a statement's time limit
    "58": Fault.AWAY,  # an I/O error
    "21": None,
    "22": None,  # a value that does not fit its type
    "23": None,  # a constraint
    "44": None,
    "P0": None,  # raised by a trigger
}
# A connection that is refused comes without a code; the server's text is what there is.
_NO_ENTRY: Final = re.compile(
    r"authentication failed|no pg_hba\.conf entry|permission denied for database|"
    r"is not permitted to log in|(database|role) \"[^\"]*\" does not exist"
)


def fault_of(error: BaseException) -> Fault | None:
    """Return why the database cannot be used; None where the fault is a value's or the code's.

    Args:
        error: any exception; one of Django's database errors has the driver's as its cause.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    for one in causes(error):
        code = getattr(one, "sqlite_errorcode", None)
        if code is not None:
            return _SQLITE.get(code & 0xFF, Fault.AWAY)
        state = getattr(one, "sqlstate", None)
        if state:
            return _POSTGRESQL.get(state, _POSTGRESQL.get(state[:2], Fault.UNFIT))
    if isinstance(error, OperationalError | InterfaceError):
        return Fault.NO_WRITES if _NO_ENTRY.search(str(error)) else Fault.AWAY
    return Fault.UNFIT if isinstance(error, InternalError) else None


def is_temporary(error: BaseException) -> bool:
    """Whether trying again may help: the database is locked, full, restarting or out of reach.

    Args:
        error: one of Django's database errors, with the driver's as its cause.
    """
    return fault_of(error) is Fault.AWAY


def one_line(error: BaseException) -> str:
    """Return what the database says, for a log: a refused connection is several lines of text."""
    return " ".join(str(error).split())[:MOST_SHOWN]


def retry_after(error: BaseException) -> int | None:
    """Return in how many seconds a client may try again; None where that is no use."""
    fault = fault_of(error)
    return None if fault is None else RETRY_SECONDS.get(fault)


def reconnect_after(error: BaseException) -> None:
    """Close this thread's connection if it takes no writes: the next one may take them.

    A connection outlives what made it so. After a failover behind a proxy it still leads to the
    server that is a standby now; ``default_transaction_read_only`` is read when a session begins;
    SQLite opens a file for reading alone when it may not write it.
    """
    db = connection()
    if fault_of(error) is Fault.NO_WRITES and not db.in_atomic_block:
        db.close()


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, what it was raised from, and so on: a driver's is behind Django's."""
    while error is not None:
        yield error
        error = error.__cause__
