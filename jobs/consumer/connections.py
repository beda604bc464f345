"""The database connections of a thread that runs tasks: in order before a task, and after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.errors import TransactionLeftOpen

Depths = Mapping[str, int]
"""How many ``atomic`` blocks are open, by database; those without any are left out."""

IDLE, UNKNOWN = 0, 4
"""libpq's transaction status outside a transaction, and of a connection that is lost."""


def prepare() -> Depths:
    """Close the connections that are lost or too old, as Django does before a request.

    Returns:
        the ``atomic`` blocks that are open already: a test runs tasks inside its own.
    """
    depths: dict[str, int] = {}
    for db in _opened():
        if db.in_atomic_block:
            depths[db.alias] = len(db.atomic_blocks)
        else:
            db.close_if_unusable_or_obsolete()
    return depths


def refuse_open_transactions(before: Depths) -> None:
    """Check that a task has ended each transaction that it began.

    Args:
        before: what ``prepare`` returned.

    Raises:
        TransactionLeftOpen: it has not; ``tidy`` rolls back.
    """
    left = [db.alias for db in _opened() if _is_open(db, before.get(db.alias, 0))]
    if left:
        raise TransactionLeftOpen(left)


def tidy(before: Depths) -> None:
    """Throw away the connections with a transaction that a task left open; close old ones."""
    for db in _opened():
        depth = before.get(db.alias, 0)
        if depth:
            _roll_back_to(db, depth)
        elif _is_open(db, 0):
            _throw_away(db)
        else:
            db.close_if_unusable_or_obsolete()


def _throw_away(db: BaseDatabaseWrapper) -> None:
    with contextlib.suppress(Exception):  # whatever state it is in, it is not used again
        db.close()
    # Django keeps a connection that was closed inside ``atomic``, and refuses its use.
    del connections[db.alias]


def _opened() -> Iterator[BaseDatabaseWrapper]:
    return iter(connections.all(initialized_only=True))


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
