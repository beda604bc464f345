"""A site moves from SQLite to PostgreSQL: the command is killed, goes on, and jobs run there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from jobs.core.states import FINAL, Status
from jobs.models import Artifact, Attempt, Consumer, Job, LogChunk, Token, Upload, UploadUse
from tests.brokers.servers import default_database
from tests.consumers import Consumers, database_url
from tests.factories import make_artifact, make_consumer, make_job, make_upload, make_user
from tests.projects.databases import new_postgres_database
from tests.subprocesses import ROOT, RunningProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.postgres]

CHUNKS = 20_000
MODELS = (User, Token, Job, Attempt, LogChunk, Artifact, Upload, UploadUse, Consumer)


@pytest.fixture
def site(transactional_db: None, settings: Any, tmp_path: Path) -> Path:
    """A copy of the test's database with rows of every kind; return its file."""
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path / "var"}
    ada = make_user()
    Token.objects.issue(ada)
    jobs = [make_job(owner=ada, status=status) for status in Status]
    Job.objects.filter(status=Status.RUNNING).update(consumer_id=make_consumer().pk)
    done = next(job for job in jobs if job.status == Status.SUCCEEDED)
    make_artifact(done)
    UploadUse.objects.create(upload=make_upload(ada), job=done)
    Attempt.objects.create(job=done, number=1, ended_at=timezone.now(), outcome="succeeded")
    LogChunk.objects.bulk_create(
        LogChunk(job=done, start=number, text=f"line {number}\n") for number in range(CHUNKS)
    )
    path = tmp_path / "site.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    return path


@pytest.fixture
def postgres() -> Iterator[dict[str, Any]]:
    with new_postgres_database() as config:
        yield config


def rows() -> dict[str, set[str]]:
    return {
        model._meta.db_table: {repr(row) for row in model._default_manager.values_list()}
        for model in MODELS
    }


def test_a_move_that_is_killed_goes_on_and_the_jobs_run_there(
    site: Path, postgres: dict[str, Any], tmp_path: Path
) -> None:
    before = rows()
    with default_database(postgres):
        url = database_url()
    consumers = Consumers(tmp_path, JOBS_LEASE_SECONDS="3", JOBS_SWEEP_SECONDS="0.2")
    environment = consumers.environment(DATABASE_URL=f"sqlite:///{site}")
    command = [sys.executable, str(ROOT / "manage.py"), "movedatabase", url]

    runs = [RunningProcess(command, env=environment)]
    try:
        (first,) = runs
        first.wait_for(r"\d  jobs_attempt$")
        first.end()  # in the middle of the log, which comes after the attempts
        with default_database(postgres):
            assert "jobdesk_move" in connection.introspection.table_names()
            assert LogChunk.objects.count() < CHUNKS
        second = RunningProcess(command, env=environment)
        runs.append(second)
        assert second.wait() == 0, second.output()
        assert "it goes on" in second.output()
        assert f"{CHUNKS:,}  jobs_logchunk" in second.output()
        with default_database(postgres):
            assert rows() == before
            try:
                ids = Job.objects.filter(status__in=[Status.QUEUED, Status.RUNNING])
                waiting = list(ids.values_list("pk", flat=True))
                started = consumers.start(DATABASE_URL=url)
                _wait_finished(waiting)
                assert started.stop() == 0
            finally:
                consumers.end_all()
            assert Job.objects.filter(status=Status.SCHEDULED).count() == 1
            assert Attempt.objects.filter(job__in=waiting, outcome="succeeded").count() == 2
    finally:
        for run in runs:
            run.end()
        shutil.rmtree(site.parent / "var", ignore_errors=True)


def _wait_finished(ids: list[Any]) -> None:
    assert len(ids) == 2  # the one that ran is of a consumer that is not there any more
    wait_until(
        lambda: Job.objects.filter(pk__in=ids, status__in=FINAL).count() == len(ids),
        what="the jobs to have run",
    )
