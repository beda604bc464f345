"""A backup by the documented commands while jobs are submitted and run, restored, and run on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections

from jobs.core.database_url import sqlite
from jobs.core.states import Status
from jobs.models import Job
from tests.brokers.servers import default_database
from tests.consumers import Consumers, database_url, wait_finished, wait_status
from tests.projects.databases import new_postgres_database
from tests.subprocesses import ROOT
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


def documented(beginning: str) -> list[str]:
    """The one command in the page that begins so."""
    page = (ROOT / "jobs" / "docs" / "database.md").read_text(encoding="utf-8")
    (found,) = [line for line in page.splitlines() if line.startswith(beginning)]
    return found.split()


class Site(ABC):
    """A database of its own that is saved and restored."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        self.config = config

    @abstractmethod
    def save(self, environment: dict[str, str]) -> None:
        """Make a backup, while everything runs."""

    @abstractmethod
    def restore(self) -> None:
        """Put it back, while nothing runs."""

    def run(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


class OnSqlite(Site):
    def save(self, environment: dict[str, str]) -> None:
        command = documented("python manage.py backupdatabase")
        assert command[-1] == "backup.sqlite3"
        self.run([sys.executable, str(ROOT / "manage.py"), *command[2:]], environment)

    def restore(self) -> None:
        path = Path(self.config["NAME"])
        for name in (f"{path}-wal", f"{path}-shm"):
            Path(name).unlink(missing_ok=True)
        shutil.copy(self.folder / "backup.sqlite3", path)


class OnPostgres(Site):
    URL = "postgres://user@host:5432/name"

    def save(self, environment: dict[str, str]) -> None:
        self.run([self._with_url(word) for word in documented("pg_dump")])

    def restore(self) -> None:
        self.run([self._with_url(word) for word in documented("pg_restore")])

    def _with_url(self, word: str) -> str:
        return word.replace(self.URL, database_url())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def site(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any, tmp_path: Path
) -> Iterator[Site]:
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path / "var"}
    if request.param == "sqlite":
        path = tmp_path / "site.sqlite3"
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
        config = sqlite(path)
        with default_database(config):
            yield OnSqlite(tmp_path, config)
        return
    for program in ("pg_dump", "pg_restore"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on the PATH")
    with new_postgres_database() as config, default_database(config):
        call_command("migrate", verbosity=0)
        yield OnPostgres(tmp_path, config)


@pytest.fixture
def consumers(site: Site, tmp_path: Path) -> Iterator[Consumers]:
    starter = Consumers(tmp_path, JOBS_LEASE_SECONDS="2", JOBS_SWEEP_SECONDS="0.2")
    yield starter
    starter.end_all()


class Submitter:
    """Submits jobs, one after the other, until it is told to stop."""

    def __init__(self) -> None:
        self.accepted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            # A consumer on a busy machine must keep up.
            while not self._stop.wait(0.03):
                tasks.square.enqueue(n=self.accepted)
                self.accepted += 1
        finally:
            connections.close_all()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def test_what_becomes_of_jobs_when_a_backup_is_restored(
    site: Site, consumers: Consumers, tmp_path: Path
) -> None:
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    consumer = consumers.start()
    before = tasks.square.enqueue(n=2).id
    wait_finished(before)
    running = tasks.tell_and_hold.enqueue(str(ledger), str(gate)).id
    wait_status(running, Status.RUNNING)

    submitter = Submitter()
    try:
        wait_until(lambda: submitter.accepted > 20, what="jobs to be submitted")
        site.save(consumers.environment())
    finally:
        submitter.stop()

    gate.touch()
    assert wait_finished(running).status == Status.SUCCEEDED
    later = tasks.square.enqueue(n=3).id
    wait_finished(later)
    assert consumer.stop() == 0
    accepted = Job.objects.count()
    connections.close_all()

    site.restore()

    restored = Job.objects.count()
    assert 3 < restored < accepted  # those that were accepted later are not there
    assert not Job.objects.filter(pk=later).exists()
    assert Job.objects.get(pk=running).status == Status.RUNNING
    second = consumers.start()
    wait_until(
        lambda: Job.objects.filter(status=Status.SUCCEEDED).count() == restored,
        what="all restored jobs to have run",
    )
    assert second.stop() == 0
    assert Job.objects.get(pk=before).attempt == 1
    # It had finished after the backup was made, so its effect is there twice.
    assert Job.objects.get(pk=running).attempt == 2
    assert len(ledger.read_text(encoding="utf-8").splitlines()) == 2
