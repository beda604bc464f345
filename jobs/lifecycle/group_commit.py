"""Submissions of several threads in one commit.

Each commit on SQLite waits for the disk, and for whoever writes at the moment, asleep. So a
server's threads would stand in line outside, one commit each. Here they stand in line inside: who
is first takes along what has gathered meanwhile, in one statement, without a thread of its own.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import run

from .sql import INSERT_JOB

AT_ONCE = 64


@dataclass(slots=True, eq=False)
class _Row:
    """What one thread wants recorded. ``done`` or ``error`` is set by whoever tried."""

    values: str
    parameters: Sequence[Any]
    done: bool = False
    error: OperationalError | None = None


class GroupCommit:
    """Where threads wait for their row to be recorded."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._gathering = threading.Lock()
        self._rows: list[_Row] = []

    def insert(self, db: BaseDatabaseWrapper, values: str, parameters: Sequence[Any]) -> None:
        """Record a job; return when it is committed.

        Args:
            db: the calling thread's connection, in no transaction.
            values: a row of ``RECORD``.
            parameters: what goes into it.

        Raises:
            DatabaseError: the job is not recorded.
        """
        row = _Row(values, parameters)
        with self._gathering:
            self._rows.append(row)
        with self._turn:
            if row.error is not None:
                raise OperationalError(*row.error.args) from row.error
            if row.done:
                return
            with self._gathering:
                others = [one for one in self._rows if one is not row][: AT_ONCE - 1]
                taken = [row, *others]
                self._rows = [one for one in self._rows if one not in taken]
            self._record(db, row, taken)

    def _record(self, db: BaseDatabaseWrapper, own: _Row, taken: list[_Row]) -> None:
        try:
            _insert(db, taken)
        except OperationalError as error:
            # Locked, full or away: so it is for all of them, and they have waited long enough.
            for one in taken:
                one.error = error
            raise
        except Exception:
            if len(taken) == 1:
                raise
            # One of them keeps all out: each hears of its own.
            with self._gathering:
                self._rows = [one for one in taken if one is not own] + self._rows
            _insert(db, [own])
            return
        for one in taken:
            one.done = True


def _insert(db: BaseDatabaseWrapper, rows: list[_Row]) -> None:
    statement = INSERT_JOB.format(rows=", ".join(row.values for row in rows))
    run(db, statement, [value for row in rows for value in row.parameters])


_lines: dict[str, GroupCommit] = defaultdict(GroupCommit)


def group_commit_for(db: BaseDatabaseWrapper) -> GroupCommit:
    """Return the line of this process in front of a database."""
    return _lines[db.alias]
