"""What ``database.md`` advises for the upkeep of each database, done as it is written there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from jobs.core.database_url import sqlite
from jobs.models import Job, LogChunk
from tests.brokers.servers import Setup, default_database
from tests.consumers import ROOT, Consumers, wait_finished
from tests.factories import make_job
from tests.testapp import tasks

PAGE = (ROOT / "jobs" / "docs" / "database.md").read_text(encoding="utf-8")


def block(mark: str) -> str:
    """The code after a mark in the page."""
    return str(re.findall(rf"<!-- {mark} -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)[0])


def options_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [table])
        return set(cursor.fetchone()[0] or ())


@pytest.mark.parametrize(
    "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
)
def test_postgres_takes_the_settings_of_autovacuum(setup: Setup) -> None:
    advice = block("autovacuum")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(advice)
        found = {one.partition("=")[0] for one in options_of("jobs_job")}
        transaction.set_rollback(True)
    assert found == set(re.findall(r"(autovacuum_\w+) =", advice.partition("jobs_job ")[2]))
    assert not options_of("jobs_job")


@pytest.mark.parametrize(
    "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
)
def test_postgres_says_what_is_bloated(setup: Setup) -> None:
    make_job()
    with connection.cursor() as cursor:
        cursor.execute(block("dead rows").strip())
        names = {str(row[0]) for row in cursor.fetchall()}
    assert {"jobs_job", "jobs_attempt", "jobs_logchunk"} <= names


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_an_sqlite_file_shrinks_under_a_consumer_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "var" / "db.sqlite3"
    path.parent.mkdir()
    consumers = Consumers(tmp_path)
    with default_database(sqlite(path)):
        call_command("migrate", verbosity=0)
        job = make_job()
        LogChunk.objects.bulk_create(
            LogChunk(job=job, start=number, text="x" * 10_000) for number in range(500)
        )
        Job.objects.all().delete()
        environment = consumers.environment()
        consumer = consumers.start()
        connection.close()
        try:
            for line in block("shrink").splitlines():
                words = shlex.split(line)
                assert words[:2] == ["python", "manage.py"]
                command = [sys.executable, str(ROOT / "manage.py"), *words[2:]]
                subprocess.run(command, env=environment, check=True, cwd=tmp_path)
            assert path.stat().st_size < 1_000_000
            assert Path(f"{path}-wal").stat().st_size < 1_000_000
            assert wait_finished(tasks.square.enqueue(3).id).result == 9
            assert consumer.stop() == 0
        finally:
            consumers.end_all()
