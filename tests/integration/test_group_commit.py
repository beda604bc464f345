"""Submissions of several threads share a commit, and each thread gets its own error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from jobs import lifecycle
from jobs.lifecycle import group_commit
from jobs.lifecycle.group_commit import PendingInsert
from jobs.models import Job
from tests.threads import in_threads
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL commits side by side"),
]
MANY = 8


@pytest.fixture
def batch_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each statement had."""
    sizes: list[int] = []
    insert = group_commit._insert_rows

    def counted(db: Any, rows: list[Any]) -> None:
        sizes.append(len(rows))
        insert(db, rows)

    monkeypatch.setattr(group_commit, "_insert_rows", counted)
    return sizes


def insert_together(work: Callable[[int], Any]) -> list[Any]:
    """Let threads insert a job each; the first may begin when the rows of all are pending."""
    group = group_commit.group_commit_for(connection)
    with group._insert_lock:
        found: list[Any] = []
        threads = threading.Thread(target=lambda: found.extend(in_threads(MANY, work)))
        threads.start()
        wait_until(lambda: len(group._pending) == MANY, what="all rows are pending")
    threads.join(60)
    return found


def record(job: Job) -> str:
    """Insert a job; return the name of the error that its thread got."""
    try:
        lifecycle.insert_job(job)
    except Exception as error:  # noqa: BLE001  (told to the test)
        return type(error).__name__
    return ""


def test_one_job_alone_is_one_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        lifecycle.insert_job(Job(task="t"))
    assert len(queries) == 1
    assert Job.objects.count() == 1


def test_pending_rows_are_inserted_by_one_statement(batch_sizes: list[int]) -> None:
    assert insert_together(lambda number: record(Job(task=f"t{number}"))) == [""] * MANY
    assert batch_sizes == [MANY]
    assert set(Job.objects.values_list("task", flat=True)) == {f"t{n}" for n in range(MANY)}


def test_a_row_that_conflicts_keeps_no_other_out(batch_sizes: list[int]) -> None:
    def work(number: int) -> str:
        return record(Job(task=f"t{number}", unique_slot="same" if number in {2, 5} else None))

    errors = insert_together(work)
    assert sorted(errors) == [""] * (MANY - 1) + [IntegrityError.__name__]
    assert errors.index(IntegrityError.__name__) in {2, 5}
    assert Job.objects.count() == MANY - 1
    assert group_commit.group_commit_for(connection)._pending == []
    # All of them, then the one whose thread tried, then the others together once more.
    assert batch_sizes[:3] == [MANY, 1, MANY - 1]


def test_all_threads_get_the_error_of_a_database_that_is_away(
    batch_sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(db: Any, rows: list[Any]) -> None:
        batch_sizes.append(len(rows))
        raise OperationalError("database is locked")

    monkeypatch.setattr(group_commit, "_insert_rows", away)
    errors = insert_together(lambda number: record(Job(task="t")))
    assert errors == [OperationalError.__name__] * MANY
    assert batch_sizes == [MANY]
    assert not Job.objects.exists()


def test_a_value_that_no_database_takes_is_its_own_threads_error(batch_sizes: list[int]) -> None:
    def work(number: int) -> str:
        bad: Any = object() if number == 4 else None
        return record(Job(task="t", timeout=bad))

    errors = insert_together(work)
    assert errors[4] not in {"", DataError.__name__}
    assert [bool(error) for error in errors].count(True) == 1
    assert Job.objects.count() == MANY - 1


def test_a_statement_has_so_many_rows_and_no_more(
    batch_sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_ROWS", 3)
    assert insert_together(lambda number: record(Job(task="t"))) == [""] * MANY
    assert sorted(batch_sizes) == [2, 3, 3]
    assert Job.objects.count() == MANY


def test_a_row_that_is_refused_alone_is_tried_once(batch_sizes: list[int]) -> None:
    assert record(Job(task="t", unique_slot="same")) == ""
    assert record(Job(task="t", unique_slot="same")) == IntegrityError.__name__
    assert batch_sizes == [1, 1]


def test_who_has_no_patience_hears_of_the_lock_while_another_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one that inserts for both goes on waiting, and keeps the lock of this process."""
    monkeypatch.setattr(group_commit, "IMPATIENT_SECONDS", 0.01)
    group = group_commit.GroupCommit()
    row = PendingInsert("", [], patient=False, error=OperationalError("found taken"))
    with group._insert_lock, pytest.raises(OperationalError, match="found taken"):
        group._acquire(row)
