"""A backup that is copied into the database file under the running site keeps its inode."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jobs.core import database_file, database_identity
from jobs.core.database_identity import check_identity
from jobs.errors import Unavailable
from jobs.models import Attempt, Job
from jobs.queries import database_health
from tests.brokers.servers import default_database
from tests.factories import end, make_job, make_user, take_all
from tests.integration.api_client import Api
from webapp.tasks.square import square

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's file"),
]


@pytest.fixture
def live(tmp_path: Path, jobs_setting: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A database file of this test's own, as the database of this process."""
    monkeypatch.setattr(database_identity, "_known", {})
    monkeypatch.setattr(database_file, "_replaced", set())
    monkeypatch.setattr(database_file, "_opened", {})
    path = tmp_path / "live.sqlite3"
    back_up(Path(connection.settings_dict["NAME"]), path)
    with default_database({"NAME": path}):
        run_a_job()
        yield path


def back_up(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def run_a_job() -> None:
    """Each attempt that ends is a row, and rows are numbered."""
    make_job()
    assert all(end(claim) for claim in take_all())


def checkpoint() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_an_older_copy_of_the_same_database(live: Path, tmp_path: Path) -> None:
    api = Api(make_user())
    check_identity()
    back_up(live, tmp_path / "backup")
    run_a_job()
    assert api.get("/readyz").status_code == 200
    assert api.submit("webapp.square", args={"n": 7}).status_code == 202
    checkpoint()
    inode = live.stat().st_ino

    shutil.copyfile(tmp_path / "backup", live)

    database_health._health.forget()
    assert live.stat().st_ino == inode
    ready = api.get("/readyz")
    assert (ready.status_code, ready.headers["Retry-After"]) == (503, "30")
    assert ready.json()["detail"].startswith(database_file.REPLACED)
    assert api.submit("webapp.square", args={"n": 7}).status_code == 503
    with pytest.raises(Unavailable, match="Restart this process"):
        square.enqueue(7)


def test_the_file_of_another_desk(live: Path, tmp_path: Path) -> None:
    check_identity()
    other = tmp_path / "other"
    back_up(live, other)
    with closing(sqlite3.connect(other)) as db:
        db.execute("UPDATE django_migrations SET applied = '2001-01-01 00:00:00' WHERE app='jobs'")
        db.execute("UPDATE sqlite_sequence SET seq = seq + 1000")
        db.commit()
    checkpoint()
    shutil.copyfile(other, live)
    check_identity()
    assert database_file.is_replaced()


def test_what_is_no_other_database(live: Path) -> None:
    check_identity()
    checkpoint()
    run_a_job()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
    Attempt.objects.all().delete()
    Job.objects.all().delete()
    check_identity()
    assert not database_file.is_replaced()


def test_a_file_that_is_being_copied_says_nothing(live: Path, tmp_path: Path) -> None:
    check_identity()
    checkpoint()
    connection.close()
    whole = live.read_bytes()
    live.write_bytes(whole[:5000])
    check_identity()
    live.write_bytes(whole)
    check_identity()
    assert not database_file.is_replaced()
