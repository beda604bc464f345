"""Which errors of a database are worth another try."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import (
    DatabaseError,
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

from jobs.consumer import batch_writer
from jobs.core.database_faults import Fault, fault_of, is_temporary, one_line, retry_after
from jobs.errors import Unavailable


def raised(act: Callable[[], object]) -> DatabaseError:
    """The error as Django raises it."""
    with pytest.raises(sqlite3.Error) as caught:
        act()
    error = OperationalError(str(caught.value))
    error.__cause__ = caught.value
    return error


def test_a_locked_sqlite_is_temporary(tmp_path: Path) -> None:
    first = sqlite3.connect(tmp_path / "db", isolation_level=None)
    second = sqlite3.connect(tmp_path / "db", isolation_level=None, timeout=0)
    first.execute("BEGIN EXCLUSIVE")
    assert is_temporary(raised(lambda: second.execute("CREATE TABLE t (n)")))
    first.close()
    second.close()


@pytest.mark.parametrize("statement", ["SELECT 1 FROM nothing", "SELECT nothing", "SELEC 1"])
def test_a_missing_table_is_not(statement: str) -> None:
    db = sqlite3.connect(":memory:")
    error = raised(lambda: db.execute(statement))
    assert not is_temporary(error)
    again = OperationalError(*error.args)  # as a group commit raises it in each waiting thread
    again.__cause__ = error
    assert not is_temporary(again)
    db.close()


def test_a_file_that_may_not_be_written_is_not(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "db").close()
    db = sqlite3.connect(f"{(tmp_path / 'db').as_uri()}?mode=ro", uri=True)
    error = raised(lambda: db.execute("CREATE TABLE t (n)"))
    assert not is_temporary(error)
    assert (fault_of(error), retry_after(error)) == (Fault.NO_WRITES, 10)
    db.close()


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("25006", Fault.NO_WRITES),  # read_only_sql_transaction: a standby
        ("42501", Fault.NO_WRITES),  # insufficient_privilege
        ("28P01", Fault.NO_WRITES),  # invalid_password: it was changed, and may be put right
        ("3D000", Fault.NO_WRITES),  # invalid_catalog_name: the database is being restored
        ("57P03", Fault.AWAY),  # cannot_connect_now: starting up, in recovery
        ("57P01", Fault.AWAY),  # admin_shutdown
        ("53300", Fault.AWAY),  # too_many_connections
        ("53100", Fault.AWAY),  # disk_full, or a quota
        ("08006", Fault.AWAY),  # connection_failure
        ("25P03", Fault.AWAY),  # idle_in_transaction_session_timeout
        ("40001", Fault.AWAY),  # serialization_failure
        ("57014", Fault.AWAY),  # query_canceled: statement_timeout
        ("25P02", Fault.UNFIT),  # in_failed_sql_transaction: the code's
        ("42P01", Fault.UNFIT),  # undefined_table
        ("XX001", Fault.UNFIT),  # data_corrupted
        ("22021", None),  # character_not_in_repertoire
        ("23505", None),  # unique_violation
        ("P0001", None),  # raise_exception, in a trigger
    ],
)
def test_what_a_code_of_postgresql_means(state: str, fault: Fault | None) -> None:
    error = InternalError("what it says")
    error.__cause__ = type("Driver", (Exception,), {"sqlstate": state})()
    assert fault_of(error) is fault
    assert (retry_after(error) is None) is (fault in {None, Fault.UNFIT})


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (InterfaceError("connection already closed"), Fault.AWAY),
        (OperationalError('FATAL:  role "jobs" is not permitted to log in'), Fault.NO_WRITES),
        (OperationalError('FATAL:  permission denied for database "jobs"'), Fault.NO_WRITES),
        (OperationalError("FATAL:  sorry, too many clients already"), Fault.AWAY),
        (OperationalError('FATAL:  too many connections for role "jobs"'), Fault.AWAY),
        (OperationalError("FATAL:  the database system is starting up"), Fault.AWAY),
        (InternalError("no code"), Fault.UNFIT),
        (DataError("a value"), None),
        (ProgrammingError("cannot adapt type 'object'"), None),
        (ValueError("not the database's"), None),
    ],
)
def test_what_an_error_without_a_code_means(error: Exception, fault: Fault | None) -> None:
    assert fault_of(error) is fault


def test_a_value_that_sqlite_refuses_is_no_fault_of_the_database() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (n UNIQUE)")
        db.execute("INSERT INTO t VALUES (1)")
        assert fault_of(raised(lambda: db.execute("INSERT INTO t VALUES (1)"))) is None


def test_a_log_line_is_one_line() -> None:
    error = OperationalError("connection failed: port 5\n\tIs the server running?\n")
    assert one_line(error) == "connection failed: port 5 Is the server running?"


@pytest.mark.parametrize(
    ("state", "temporary"),
    [
        ("42P01", False),  # undefined_table
        ("42703", False),  # undefined_column
        ("42501", False),  # insufficient_privilege
        ("28P01", False),  # invalid_password
        ("3D000", False),  # invalid_catalog_name
        ("57P01", True),  # admin_shutdown
        ("53300", True),  # too_many_connections
        ("53100", True),  # disk_full
        ("40P01", True),  # deadlock_detected
        ("55P03", True),  # lock_not_available
    ],
)
def test_postgresql_says_it_by_its_code(state: str, temporary: bool) -> None:
    error = ProgrammingError("what it says")
    error.__cause__ = type("Driver", (Exception,), {"sqlstate": state})()
    assert is_temporary(error) is temporary


@pytest.mark.parametrize(
    ("text", "temporary"),
    [
        ('FATAL:  password authentication failed for user "jobs"', False),
        ('FATAL:  database "jobs" does not exist', False),
        ('FATAL:  role "jobs" does not exist', False),
        ("connection refused. Is the server running on that host?", True),
        ("", True),
    ],
)
def test_a_refused_connection_has_only_its_text(text: str, temporary: bool) -> None:
    assert is_temporary(OperationalError(text)) is temporary


def test_a_consumer_says_which_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on trying with both: a migration may be under way."""
    unused = SimpleNamespace(close_if_unusable_or_obsolete=lambda: None)
    monkeypatch.setattr(batch_writer, "connection", lambda: unused)
    with closing(sqlite3.connect(":memory:")) as db:
        batch_writer.Pacer().failed(raised(lambda: db.execute("SELECT 1 FROM jobs_job")))
    batch_writer.Pacer().failed(OperationalError("no route to host"))
    lasting, passing = caplog.records
    assert (lasting.levelname, passing.levelname) == ("ERROR", "WARNING")
    assert "no such table: jobs_job. Run doctor." in lasting.message
    assert "Trying again" in passing.message


def test_what_people_read_names_no_host() -> None:
    error = Unavailable("The database cannot take it now.", cause="no route to db.internal")
    assert "db.internal" in str(error)
    assert (
        error.public == "The database cannot take it now. Nothing was recorded. Try again in 2 s."
    )
