"""A limit on how long a statement waits for a lock on PostgreSQL.

Without one a statement waits until the lock is free (somebody runs ``LOCK TABLE`` or creates an
index), and all threads of a server end up waiting. SQLite's ``timeout`` option does this there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from .db import can_send_many, connection

LOCK_SECONDS: Final = 5.0
LOCK_NOT_AVAILABLE: Final = "55P03"
"""PostgreSQL's error code for a statement that reached ``lock_timeout``."""

# Sent with each statement rather than once for a connection: the project's own statements, its
# migrations and its tasks use the same connection and may wait as long as the project wants, and
# behind a pooler the connection then serves another client. A limit set by the project is kept.
SET_LIMIT: Final = """
SELECT set_config('lock_timeout', '{ms:.0f}', true) WHERE current_setting('lock_timeout') = '0';
"""


def limited_lock_waits(seconds: float | None = None) -> AbstractContextManager[None]:
    """Limit how long each statement of the block waits for a lock, on this thread.

    It costs no round trip. It does nothing inside the caller's transaction, whose limits are the
    caller's to set, nor where several statements cannot be sent as one message (psycopg 2,
    server-side binding). A statement that reaches the limit raises OperationalError.

    Args:
        seconds: the limit; ``LOCK_SECONDS`` by default.
    """
    db = connection()
    if db.in_atomic_block or _is_limited(db) or not can_send_many(db):
        return nullcontext()
    return db.execute_wrapper(_Limit(seconds or LOCK_SECONDS))


def is_lock_timeout(error: BaseException) -> bool:
    """Whether the error was raised because a statement waited too long for a lock."""
    return getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE


class _Limit:
    """Sends the limit together with each statement (Django calls it for each)."""

    def __init__(self, seconds: float) -> None:
        self._prefix = SET_LIMIT.format(ms=seconds * 1000).strip()

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        cursor = context["cursor"]
        # A named cursor is on the server: Django's statement becomes part of a DECLARE CURSOR.
        if many or not isinstance(sql, str) or hasattr(cursor.cursor, "name"):
            return execute(sql, params, many, context)
        execute(f"{self._prefix} {sql}", params, many, context)
        return cursor.nextset()  # the first result is that of SET_LIMIT


def _is_limited(db: BaseDatabaseWrapper) -> bool:
    return any(isinstance(wrapper, _Limit) for wrapper in db.execute_wrappers)
