"""Which errors of a database are worth another try."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError

from jobs.consumer import batch_writer
from jobs.core.database_faults import is_temporary
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
    assert not is_temporary(raised(lambda: db.execute("CREATE TABLE t (n)")))
    db.close()


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
