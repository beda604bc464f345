"""Group commit: the lock holder inserts all queued rows.

Each commit on SQLite waits for the disk, and sleeps while another process writes. A server's
threads would do so one after the other, one commit each. Here they wait for a lock of this process:
the thread that gets it inserts the rows that were queued meanwhile together with its own, in one
statement. There is no thread beside them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.database_faults import fault_of
from jobs.core.db import run
from jobs.core.write_waits import IMPATIENT_SECONDS, is_locked, is_patient, lock_timeout

from .sql import INSERT_JOB

MOST_ROWS: Final = 64
"""So many rows go into one statement."""


@dataclass(slots=True, eq=False)
class PendingInsert:
    """The row of one thread. The lock holder that tries to insert it sets ``done`` or ``error``.

    ``patient`` is False where the thread is to wait for no more than ``IMPATIENT_SECONDS``.
    """

    values: str
    parameters: Sequence[Any]
    patient: bool
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
        own = PendingInsert(values, parameters, is_patient())
        with self._pending_lock:
            self._pending.append(own)
        self._acquire(own)
        try:
            _raise_error_of(own)
            if not own.done:
                self._insert_batch(db, own, self._take_batch(own))
        finally:
            self._insert_lock.release()

    def writing_alone(self) -> AbstractContextManager[object]:
        """Return what keeps the threads of this process from inserting meanwhile.

        Who waits for it goes on as soon as it ends. Who waits for SQLite's lock, which a large
        transaction holds, asks for it again after up to 100 ms.
        """
        return self._insert_lock

    def _acquire(self, own: PendingInsert) -> None:
        """Get the lock; an impatient thread gives up where its holder waits for SQLite's.

        A row that the holder has taken may be inserted: then its thread waits to know.
        """
        while not self._insert_lock.acquire(timeout=-1 if own.patient else IMPATIENT_SECONDS):
            _raise_error_of(own)
            with self._pending_lock:
                if own in self._pending:
                    self._pending.remove(own)
                    raise _locked()

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
            batch = self._insert_patiently(db, own, batch)
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
            self._put_back([one for one in batch if one is not own and one.error is None])
            _insert_rows(db, [own])
            return
        for one in batch:
            one.done = True

    def _insert_patiently(
        self, db: BaseDatabaseWrapper, own: PendingInsert, batch: list[PendingInsert]
    ) -> list[PendingInsert]:
        """Insert the rows; return those whose threads had the patience for it."""
        patient = [one for one in batch if one.patient]
        if len(patient) == len(batch):
            _insert_rows(db, batch)
            return batch
        try:
            with lock_timeout(db, IMPATIENT_SECONDS):
                _insert_rows(db, batch)
            return batch
        except DatabaseError as error:
            if not is_locked(error):
                raise
            for one in batch:
                if not one.patient:
                    one.error = error
            if not own.patient:
                self._put_back(patient)
                batch[:] = [own]
                raise
            batch[:] = patient
        _insert_rows(db, patient)
        return patient

    def _put_back(self, rows: list[PendingInsert]) -> None:
        with self._pending_lock:
            self._pending = rows + self._pending


def _raise_error_of(own: PendingInsert) -> None:
    if own.error is not None:
        raise type(own.error)(*own.error.args) from own.error


def _locked() -> OperationalError:
    """What Django raises for a lock that was not free in time."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def _insert_rows(db: BaseDatabaseWrapper, batch: list[PendingInsert]) -> None:
    statement = INSERT_JOB.format(rows=", ".join(one.values for one in batch))
    run(db, statement, [value for one in batch for value in one.parameters])


_by_alias: dict[str, GroupCommit] = defaultdict(GroupCommit)


def group_commit_for(db: BaseDatabaseWrapper) -> GroupCommit:
    """Return this process's group commit for a database."""
    return _by_alias[db.alias]
