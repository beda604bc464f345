"""Group commit: the lock holder inserts all queued rows.

Each commit on SQLite waits for the disk, and sleeps while another process writes. A server's
threads would do so one after the other, one commit each. Here they wait for a lock of this process:
the thread that gets it inserts the rows that were queued meanwhile together with its own, in one
statement. There is no thread beside them.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.database_faults import fault_of
from jobs.core.db import run

from .sql import INSERT_JOB

MOST_ROWS: Final = 64
"""So many rows go into one statement."""


@dataclass(slots=True, eq=False)
class PendingInsert:
    """The row of one thread. The lock holder that tries to insert it sets ``done`` or ``error``."""

    values: str
    parameters: Sequence[Any]
    done: bool = False
    error: DatabaseError | InterfaceError | None = None


class GroupCommit:
    """The queued rows of this process, for one database."""

    def __init__(self) -> None:
        self._insert_lock = threading.Lock()
        self._pending_lock = threading.Lock()
        self._pending: list[PendingInsert] = []

    def insert(self, db: BaseDatabaseWrapper, values: str, parameters: Sequence[Any]) -> None:
        """Insert a job; return when it is committed.

        Args:
            db: the calling thread's connection, outside any transaction.
            values: the text of a row of ``INSERT_JOB``.
            parameters: what is bound to it.

        Raises:
            DatabaseError: the job was not inserted.
        """
        own = PendingInsert(values, parameters)
        with self._pending_lock:
            self._pending.append(own)
        with self._insert_lock:
            if own.error is not None:
                raise type(own.error)(*own.error.args) from own.error
            if not own.done:
                self._insert_batch(db, own, self._take_batch(own))

    def _take_batch(self, own: PendingInsert) -> list[PendingInsert]:
        with self._pending_lock:
            others = [one for one in self._pending if one is not own][: MOST_ROWS - 1]
            batch = [own, *others]
            self._pending = [one for one in self._pending if one not in batch]
        return batch

    def _insert_batch(
        self, db: BaseDatabaseWrapper, own: PendingInsert, batch: list[PendingInsert]
    ) -> None:
        try:
            _insert_rows(db, batch)
        except Exception as error:
            if isinstance(error, DatabaseError | InterfaceError) and fault_of(error) is not None:
                # Locked, full or away: that holds for all of them, and they have waited long
                # enough.
                for one in batch:
                    one.error = error
                raise
            if len(batch) == 1:
                raise
            # One of the rows made the statement fail: each thread tries its own.
            with self._pending_lock:
                self._pending = [one for one in batch if one is not own] + self._pending
            _insert_rows(db, [own])
            return
        for one in batch:
            one.done = True


def _insert_rows(db: BaseDatabaseWrapper, batch: list[PendingInsert]) -> None:
    statement = INSERT_JOB.format(rows=", ".join(one.values for one in batch))
    run(db, statement, [value for one in batch for value in one.parameters])


_by_alias: dict[str, GroupCommit] = defaultdict(GroupCommit)


def group_commit_for(db: BaseDatabaseWrapper) -> GroupCommit:
    """Return this process's group commit for a database."""
    return _by_alias[db.alias]
