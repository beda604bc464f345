"""Which errors of a database pass by themselves, and which last until somebody mends something.

Only the first are worth "try again in 2 s". Django's classes do not tell: SQLite's missing table
and its lock are both ``OperationalError``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Final

# Primary result codes (https://www.sqlite.org/rescode.html). The others (locked, full, an I/O
# error, a file that cannot be opened because too many are open) can pass.
_SQLITE_LASTING: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,  # a missing table or column, a syntax error
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    }
)
# Classes of SQLSTATE (PostgreSQL, appendix A): 0A a feature that is missing, 28 who we are, 3D and
# 3F a database or schema that is missing, 42 a missing table or column, syntax, permission.
_LASTING_CLASSES: Final = ("0A", "28", "3D", "3F", "42")
# A connection that is refused comes without a code; the server's text is what there is.
_LASTING_TEXTS: Final = re.compile(
    r"authentication failed|no pg_hba\.conf entry|(database|role) \"[^\"]*\" does not exist"
)


def is_temporary(error: BaseException) -> bool:
    """Whether trying again may help: the database is locked, full, restarting or out of reach.

    Args:
        error: one of Django's database errors, with the driver's as its cause.
    """
    for one in _causes(error):
        code = getattr(one, "sqlite_errorcode", None)
        if code is not None:
            return code & 0xFF not in _SQLITE_LASTING
        state = getattr(one, "sqlstate", None)
        if state:
            return not state.startswith(_LASTING_CLASSES)
    return not _LASTING_TEXTS.search(str(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
