"""The database connections of a thread that runs tasks: in order before a task, and after it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.errors import TransactionLeftOpen

IDLE, UNKNOWN = 0, 4
"""libpq's transaction status outside a transaction, and of a connection that is lost."""


class TaskConnections:
    """The connections of the calling thread, around one task.

    Making it closes those that are lost or too old, as Django does before a request. With what is
    done after the task it takes as long as Django's ``close_old_connections`` before and after
    (11 us), which looks up each connection twice: here the wrappers are looked up once.
    """

    def __init__(self) -> None:
        self._all = _wrappers()
        self._open_before: dict[str, int] = {}
        for db in self._all:
            if db.in_atomic_block:  # a test runs tasks inside its own transaction
                self._open_before[db.alias] = len(db.atomic_blocks)
            else:
                db.close_if_unusable_or_obsolete()

    def refuse_open_transactions(self) -> None:
        """Check that the task has ended each transaction that it began.

        Raises:
            TransactionLeftOpen: it has not; ``tidy`` rolls back.
        """
        left = [db.alias for db in self._all if _is_open(db, self._depth(db))]
        if left:
            raise TransactionLeftOpen(left)

    def tidy(self) -> None:
        """Throw away the connections with a transaction that a task left open; close old ones."""
        for db in self._all:
            depth = self._depth(db)
            if depth:
                _roll_back_to(db, depth)
            elif _is_open(db, 0):
                _throw_away(db)
            else:
                db.close_if_unusable_or_obsolete()

    def _depth(self, db: BaseDatabaseWrapper) -> int:
        return self._open_before.get(db.alias, 0) if self._open_before else 0


def _wrappers() -> Sequence[BaseDatabaseWrapper]:
    try:
        # All, because the task may be the first of this thread to use one. This connects nothing.
        return connections.all()
    except Exception:  # noqa: BLE001  (one whose driver is not installed harms who uses it)
        return connections.all(initialized_only=True)


def _throw_away(db: BaseDatabaseWrapper) -> None:
    with contextlib.suppress(Exception):  # whatever state it is in, it is not used again
        db.close()
    # Django keeps a connection that was closed inside ``atomic``, and refuses its use.
    del connections[db.alias]


def _is_open(db: BaseDatabaseWrapper, depth: int) -> bool:
    if db.in_atomic_block:
        return len(db.atomic_blocks) > depth
    # A project that has switched autocommit off is always in a transaction.
    return db.connection is not None and db.settings_dict["AUTOCOMMIT"] and _driver_is_in_one(db)


def _driver_is_in_one(db: BaseDatabaseWrapper) -> bool:
    """Whether the driver knows of a transaction: after ``set_autocommit(False)``, or a bare BEGIN.

    No statement is sent. Other drivers than these two are taken to be in none.
    """
    connection: Any = db.connection
    if db.vendor == "sqlite":
        return bool(connection.in_transaction)
    if db.vendor == "postgresql":
        return connection.info.transaction_status not in (IDLE, UNKNOWN)
    return False


def _roll_back_to(db: BaseDatabaseWrapper, depth: int) -> None:
    error = TransactionLeftOpen([db.alias])
    while len(db.atomic_blocks) > depth:
        db.atomic_blocks[-1].__exit__(TransactionLeftOpen, error, None)
