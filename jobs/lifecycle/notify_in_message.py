"""PostgreSQL: a statement, its commit, and the ring behind it, all in one message.

A ring of its own costs a submission one more way to the server and back, while a consumer sleeps.
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
    bell: tuple[str, Sequence[Any]],
) -> None:
    """Execute a statement that gives no rows, commit it, and ring; in no transaction.

    The ring is a transaction of its own: in that of the statement it would hold a lock of the whole
    server until the disk has it (``brokers.listen``).

    Raises:
        DatabaseError: the statement's, and then it has done nothing.
    """
    ring, whom = bell
    try:
        run(db, f"BEGIN; {statement}; COMMIT; {ring}", [*parameters, *whom])
    except DatabaseError as error:
        if _rollback(db) or getattr(error.__cause__, "sqlstate", None) != NOTIFY_QUEUE_FULL:
            raise
        logger.warning("The database could not tell the consumers of a job: %s", error)


def _rollback(db: BaseDatabaseWrapper) -> bool:
    """End the transaction that an error has left open; whether there was one."""
    raw: Any = db.connection
    if raw is None or raw.closed or not raw.info.transaction_status:
        return False
    with suppress(DatabaseError):
        db.rollback()
    return True
