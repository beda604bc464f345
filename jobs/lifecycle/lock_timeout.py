"""No statement of ours waits for ever for a lock on PostgreSQL.

There a statement that meets a lock (of somebody's ``LOCK TABLE``, of an index that is made) waits
until it is free, and a server's threads pile up behind it. SQLite has its ``timeout`` for this.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import can_send_many, connection

LOCK_SECONDS: Final = 5.0
LOCKED: Final = "55P03"
"""PostgreSQL's code of a statement that has waited long enough (``lock_not_available``)."""

# Told with each statement rather than once to each connection: the project's own statements, its
# migrations and its tasks use the same connection and wait as long as the project wants; behind a
# pooler it is even somebody else's afterwards. A limit that the project has set is left alone.
LIMIT: Final = """
SELECT set_config('lock_timeout', '{ms:.0f}', true) WHERE current_setting('lock_timeout') = '0';
"""


def limited_lock_waits(seconds: float | None = None) -> AbstractContextManager[None]:
    """Let no statement of the block, on this thread, wait longer for a lock (``LOCK_SECONDS``).

    It costs no round trip. It does nothing in a transaction of the caller's, whose limits are the
    caller's, nor where several statements cannot be sent as one (psycopg 2, server-side binding).
    A statement that has waited so long raises OperationalError.
    """
    db = connection()
    if db.in_atomic_block or _is_bounded(db) or not can_send_many(db):
        return nullcontext()
    return db.execute_wrapper(_Limit(seconds or LOCK_SECONDS))


def is_lock_timeout(error: BaseException) -> bool:
    """Whether this is what a statement raises that has waited too long for a lock."""
    return getattr(error.__cause__, "sqlstate", None) == LOCKED


class _Limit:
    """Sends a limit along with each statement."""

    def __init__(self, seconds: float) -> None:
        self._prefix = LIMIT.format(ms=seconds * 1000).strip()

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        cursor = context["cursor"]
        # A named cursor is the server's: its statement is part of another.
        if many or not isinstance(sql, str) or hasattr(cursor.cursor, "name"):
            return execute(sql, params, many, context)
        execute(f"{self._prefix} {sql}", params, many, context)
        return cursor.nextset()  # the first answer is the limit's


def _is_bounded(db: BaseDatabaseWrapper) -> bool:
    return any(isinstance(one, _Limit) for one in db.execute_wrappers)
