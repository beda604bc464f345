"""The rows of threads that wait for SQLite's lock for long, and of those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DataError, OperationalError

from jobs.core.write_waits import IMPATIENT_SECONDS, is_locked
from jobs.lifecycle import group_commit, insert
from jobs.lifecycle.group_commit import GroupCommit, PendingInsert

DB: Any = object()


class Database:
    """Notes what is to be inserted; it is locked, or refuses a value, so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.statements: list[list[PendingInsert]] = []
        self.waits: list[float | None] = []
        self._errors = list(errors)
        self._seconds: float | None = None
        monkeypatch.setattr(group_commit, "_insert_rows", self._insert)
        monkeypatch.setattr(group_commit, "lock_timeout", self._limited)

    def _insert(self, db: Any, rows: list[PendingInsert]) -> None:
        self.statements.append(list(rows))
        self.waits.append(self._seconds)
        if self._errors:
            raise self._errors.pop(0)

    @contextmanager
    def _limited(self, db: Any, seconds: float) -> Iterator[None]:
        self._seconds = seconds
        try:
            yield
        finally:
            self._seconds = None


def row(*, patient: bool) -> PendingInsert:
    return PendingInsert("", [], patient)


@pytest.fixture
def group() -> GroupCommit:
    return GroupCommit()


def test_where_all_have_patience_one_statement_waits(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, rows = Database(monkeypatch), [row(patient=True), row(patient=True)]
    group._insert_batch(DB, rows[0], list(rows))
    assert (database.statements, database.waits) == ([rows], [None])
    assert all(one.done for one in rows)


def test_a_free_lock_is_taken_for_all_at_once(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, rows = Database(monkeypatch), [row(patient=True), row(patient=False)]
    group._insert_batch(DB, rows[0], list(rows))
    assert (database.statements, database.waits) == ([rows], [IMPATIENT_SECONDS])
    assert all(one.done for one in rows)


def test_the_patient_thread_goes_on_without_those_that_are_not(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = group_commit._locked()
    database = Database(monkeypatch, locked)
    own, other, impatient = row(patient=True), row(patient=True), row(patient=False)
    group._insert_batch(DB, own, [own, impatient, other])
    assert database.statements == [[own, impatient, other], [own, other]]
    assert database.waits == [IMPATIENT_SECONDS, None]
    assert (own.done, other.done, impatient.done) == (True, True, False)
    assert (own.error, other.error, impatient.error) == (None, None, locked)


def test_who_was_told_of_the_lock_is_not_told_of_what_fails_later(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, away = group_commit._locked(), OperationalError("no route to host")
    Database(monkeypatch, locked, away)
    own, impatient = row(patient=True), row(patient=False)
    with pytest.raises(OperationalError, match="no route"):
        group._insert_batch(DB, own, [own, impatient])
    assert (own.error, impatient.error) == (away, locked)


def test_the_impatient_thread_puts_the_rows_of_the_others_back(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = group_commit._locked()
    database = Database(monkeypatch, locked)
    own, other, third = row(patient=False), row(patient=True), row(patient=False)
    with pytest.raises(OperationalError, match="locked"):
        group._insert_batch(DB, own, [own, other, third])
    assert database.statements == [[own, other, third]]
    assert group._pending == [other]
    assert [one.error for one in (own, other, third)] == [locked, None, locked]


def test_an_error_that_is_no_lock_is_nobodys_impatience(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(monkeypatch, DataError("a value"))
    own, other = row(patient=True), row(patient=False)
    group._insert_batch(DB, own, [own, other])
    assert database.statements == [[own, other], [own]]
    assert (other.error, group._pending) == (None, [other])


def test_the_error_of_who_gives_up_is_that_of_a_locked_database() -> None:
    assert is_locked(group_commit._locked())


@pytest.mark.parametrize(
    ("in_atomic_block", "autocommit", "commits"),
    [(False, True, True), (True, True, False), (False, False, False), (True, False, False)],
)
def test_a_row_is_shared_where_it_is_committed_by_itself(
    in_atomic_block: bool, autocommit: bool, commits: bool
) -> None:
    db: Any = SimpleNamespace(in_atomic_block=in_atomic_block, get_autocommit=lambda: autocommit)
    assert insert._is_autocommit(db) is commits
