"""``backupdatabase``: what it makes, and what it refuses."""

from __future__ import annotations

import io
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from jobs.core.database_url import sqlite
from jobs.management.commands import backupdatabase
from tests.brokers.servers import address, default_database, postgres_config


@pytest.fixture
def site(tmp_path: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A small database that is ``default``."""
    with django_db_blocker.unblock(), default_database(sqlite(tmp_path / "site.sqlite3")):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (n int)")
            cursor.execute("INSERT INTO t VALUES (7)")
        yield


def backup(file: Path, **options: Any) -> str:
    out = io.StringIO()
    call_command("backupdatabase", str(file), stdout=out, **options)
    return out.getvalue()


def test_a_writer_is_not_kept_waiting(site: None, tmp_path: Path) -> None:
    file = tmp_path / "a copy.sqlite3"
    with closing(sqlite3.connect(tmp_path / "site.sqlite3", timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO t VALUES (8)")
        assert f"Copied to {file} (" in backup(file)
        other.commit()
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("SELECT n FROM t").fetchall() == [(7,)]


def test_a_file_that_exists_is_not_overwritten(site: None, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_bytes(b"mine")
    with pytest.raises(CommandError, match="exists already"):
        backup(file)
    assert file.read_bytes() == b"mine"


def test_what_an_interrupted_one_left_is_in_nobodys_way(site: None, tmp_path: Path) -> None:
    left = tmp_path / "copy.unfinished"
    left.write_bytes(b"half")
    backup(tmp_path / "copy")
    assert not left.exists()


def test_a_folder_that_does_not_exist_is_said(site: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No copy was made: unable to open"):
        backup(tmp_path / "none" / "copy")


def test_a_copy_that_is_damaged_gets_no_name(
    site: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = backupdatabase._check

    def damaged_first(file: Path) -> None:
        file.write_bytes(file.read_bytes()[:5000] + b"\xff" * 3192)
        check(file)

    monkeypatch.setattr(backupdatabase, "_check", damaged_first)
    with pytest.raises(CommandError, match="No copy was made"):
        backup(tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


def test_an_unknown_database_is_said(site: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such database: 'other'"):
        backup(tmp_path / "copy", database="other")


@pytest.mark.postgres
def test_for_postgres_it_names_the_program(
    tmp_path: Path, django_db_setup: None, django_db_blocker: Any
) -> None:
    url = address("postgres")
    with (
        django_db_blocker.unblock(),
        default_database(postgres_config(url)),
        pytest.raises(CommandError, match="pg_dump"),
    ):
        backup(tmp_path / "copy")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_a_copy_is_for_one_user_alone(site: None, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        backup(tmp_path / "copy")
    finally:
        os.umask(before)
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
