"""A backup that is restored under a running consumer and a running site, in place."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from jobs.core import database_file, database_identity
from jobs.core.database_identity import check_identity
from jobs.models import Consumer
from jobs.queries import database_health
from tests.brokers.servers import default_database
from tests.consumers import Consumers, database_url, wait_finished
from tests.factories import make_user
from tests.integration.api_client import Api
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

Restore = Callable[[], None]
BackUp = Callable[[], Restore]


def _program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(one) for one in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _by_pg_dump() -> Restore:
    dump = [_program("pg_dump"), "--clean", "--if-exists", "--dbname", database_url()]
    script = subprocess.run(dump, check=True, capture_output=True, timeout=60).stdout

    def restore() -> None:
        command = [_program("psql"), "--quiet", "--single-transaction", "--dbname", database_url()]
        output = subprocess.DEVNULL
        subprocess.run(command, input=script, check=True, stdout=output, timeout=60)

    return restore


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _by_copy() -> Restore:
    live = Path(connection.settings_dict["NAME"])
    backup = live.with_name("backup")
    _copy(live, backup)

    def restore() -> None:
        with closing(sqlite3.connect(live)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(backup, live)

    return restore


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def back_up(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any, tmp_path: Path
) -> Iterator[BackUp]:
    """Saves the test's database; what it returns restores it."""
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path / "var"}
    database_health._health.forget()
    if request.param == "postgres":
        with default_database(request.getfixturevalue("postgres")):
            call_command("flush", verbosity=0, interactive=False)
            yield _by_pg_dump
            call_command("flush", verbosity=0, interactive=False)
        return
    if os.name == "nt":
        pytest.skip("Windows lets nobody write to a file that SQLite has open")
    live = tmp_path / "live.sqlite3"
    _copy(connection.settings_dict["NAME"], live)
    with default_database({"NAME": live}):
        yield _by_copy


def _wait_for_heartbeats(count: int) -> None:
    def seen() -> int:
        found: int = Consumer.objects.values_list("heartbeat", flat=True).get()
        return found

    end = seen() + count
    wait_until(lambda: seen() >= end, what="heartbeats")


def test_a_consumer_leaves_and_the_site_takes_nothing(
    back_up: BackUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_identity, "_known", {})
    monkeypatch.setattr(database_file, "_replaced", set())
    api = Api(make_user())
    consumers = Consumers(tmp_path, JOBS_LEASE_SECONDS="3")
    try:
        consumer = consumers.start()
        assert wait_finished(tasks.square.enqueue(3).id).result == 9
        restore = back_up()
        assert wait_finished(tasks.square.enqueue(4).id).result == 16
        check_identity()
        _wait_for_heartbeats(2)  # before each the consumer looks at the database

        restore()

        assert consumer.wait() == 1
        assert sum(database_file.REPLACED in line for line in consumer.log) == 1
        connection.close()
        ready = api.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["detail"].startswith(database_file.REPLACED)
        assert api.submit("webapp.square", args={"n": 7}).status_code == 503

        # Started anew, both go on.
        monkeypatch.setattr(database_identity, "_known", {})
        monkeypatch.setattr(database_file, "_replaced", set())
        consumers.start()
        job = api.submit("webapp.square", args={"n": 7})
        assert job.status_code == 202
        wait_until(lambda: api.get(job.headers["Location"]).json()["status"] == "succeeded")
        assert consumers.environment()["DATABASE_URL"] == database_url()
    finally:
        consumers.stop_all()
        consumers.end_all()
