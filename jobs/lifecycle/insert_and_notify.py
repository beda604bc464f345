"""PostgreSQL: a statement, its commit, and the NOTIFY after it, all sent as one message.

A NOTIFY sent by itself costs a submission one more round trip, while a consumer sleeps. Measured
with plain statements in its place (PostgreSQL 15, fsync on, two busy cores, 1,000 alternating
submissions each): a median of 8.7 ms instead of 7.9, with a consumer listening 11.8 instead of
10.2; 0.70 ms of CPU in the client instead of 0.53; with eight threads 419 jobs a second instead of
461.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import run

logger = logging.getLogger("jobs")

NOTIFY_QUEUE_FULL: Final = "54000"
"""PostgreSQL's code for a NOTIFY that its queue cannot take (``program_limit_exceeded``)."""


def run_and_notify(
    db: BaseDatabaseWrapper,
    statement: str,
    parameters: Sequence[Any],
    notification: tuple[str, Sequence[Any]],
) -> None:
    """Execute a statement that returns no rows, commit it, and notify; outside any transaction.

    The notification is a transaction of its own: in that of the statement it would hold a lock of
    the whole server until the commit has reached the disk (``brokers.wakeup.pg_listen``).

    Args:
        db: a connection that takes several statements in one message.
        statement: what is executed, with its ``parameters``.
        notification: the NOTIFY and its parameters, of ``brokers.notify_statement``.

    Raises:
        DatabaseError: the statement's, and then it has done nothing.
    """
    notify, notify_parameters = notification
    try:
        run(db, f"BEGIN; {statement}; COMMIT; {notify}", [*parameters, *notify_parameters])
    except DatabaseError as error:
        if _rollback(db) or getattr(error.__cause__, "sqlstate", None) != NOTIFY_QUEUE_FULL:
            raise
        logger.warning("The database could not tell the consumers of a job: %s", error)


def _rollback(db: BaseDatabaseWrapper) -> bool:
    """End the transaction that an error has left open; return whether there was one."""
    raw: Any = db.connection
    if raw is None or raw.closed or not raw.info.transaction_status:
        return False
    with suppress(DatabaseError):
        db.rollback()
    return True
