"""A database of version 0.1 keeps everything when its columns get the names of 0.2."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.executor import MigrationExecutor

from jobs import lifecycle
from jobs.core.db import Adapter
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7s
from jobs.models import Attempt, Consumer, Counter, Job, Token
from tests.brokers.servers import address, default_database, postgres_config
from tests.subprocesses import ROOT
from webapp import database as site_database

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

# Every column of a job in 0.1 that has to have a value.
JOB_OF_0_1: dict[str, Any] = {
    "task": "testapp.square",
    "module_path": "tests.testapp.tasks.square",
    "queue": "default",
    "priority": 0,
    "turn": 0,
    "args": {},
    "positional": [],
    "error_type": "",
    "error_message": "",
    "progress_message": "",
    "attempt": 0,
    "failures": 0,
    "losses": 0,
    "max_attempts": 3,
    "unique_key": "",
    "idempotency_digest": "",
    "created_at": NOW,
    "cancel_requested": False,
    "cancelled_by": "",
    "log_size": 0,
    "version": 1,
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_database(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """A database without tables, as ``default``."""
    config = site_database.sqlite(tmp_path / "empty.sqlite3")
    # Nothing here is to survive a power cut, and a migration is many small commits.
    config["OPTIONS"]["init_command"] = "PRAGMA synchronous=OFF"
    name = f"jobs_test_upgrade_{uuid.uuid4().hex[:8]}"
    url = address("postgres") if request.param == "postgres" else ""
    with django_db_blocker.unblock():
        if url:
            _on_server(url, f"CREATE DATABASE {name}")
            config = postgres_config(url, name)
        try:
            with default_database(config):
                yield
        finally:
            ContentType.objects.clear_cache()
            if url:
                _on_server(url, f"DROP DATABASE {name} WITH (FORCE)")


def _on_server(url: str, statement: str) -> None:
    with default_database(postgres_config(url)), connection.cursor() as cursor:
        cursor.execute(statement)


def insert(table: str, row: dict[str, Any]) -> None:
    """Insert a row with plain SQL: the models of today do not know the columns of 0.1."""
    adapt = Adapter(connection)
    values = [_adapted(adapt, value) for value in row.values()]
    columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)


def _adapted(adapt: Adapter, value: Any) -> Any:
    match value:
        case datetime():
            return adapt.time(value)
        case dict() | list():
            return adapt.json(value)
        case _:
            return adapt.key(value)


def schema() -> dict[str, set[Any]]:
    """The columns of each of our tables, and the definitions of its indexes."""
    editor = connection.schema_editor()
    read = _postgres_table if connection.vendor == "postgresql" else _sqlite_table
    tables = [name for name in connection.introspection.table_names() if name.startswith("jobs_")]
    return {table: read(editor, table) for table in tables}


def _postgres_table(editor: BaseDatabaseSchemaEditor, table: str) -> set[Any]:
    with editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_name = %s",
            [table],
        )
        columns = set(cursor.fetchall())
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table])
        return columns | set(cursor.fetchall())


def _sqlite_table(editor: BaseDatabaseSchemaEditor, table: str) -> set[Any]:
    with editor.connection.cursor() as cursor:
        cursor.execute(
            'SELECT name, type, "notnull", dflt_value FROM pragma_table_info(%s)', [table]
        )
        columns = set(cursor.fetchall())
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s", [table]
        )
        return columns | set(cursor.fetchall())


def migrate_to_0_1() -> None:
    MigrationExecutor(connection).migrate([("jobs", "0001_initial")])


def test_the_upgraded_schema_is_that_of_the_models(empty_database: None, settings: Any) -> None:
    migrate_to_0_1()
    call_command("migrate", verbosity=0)
    upgraded = schema()
    call_command("migrate", "jobs", "zero", verbosity=0)
    assert schema() == {}
    settings.MIGRATION_MODULES = {"jobs": None}
    call_command("migrate", run_syncdb=True, verbosity=0)
    made_from_models = schema()
    assert {"jobs_job", "jobs_consumer", "jobs_attempt"} <= made_from_models.keys()
    assert upgraded == made_from_models
    indexes = {name for name, *_ in upgraded["jobs_job"]}
    assert {"jobs_job_waiting", "jobs_job_fair_position"} <= indexes
    assert "jobs_job_turn" not in indexes


def test_rows_of_0_1_are_found_under_the_new_names(empty_database: None) -> None:
    migrate_to_0_1()
    queued, scheduled, running, finished, consumer, attempt_of = uuid7s(6)
    insert(
        "jobs_consumer",
        {
            "id": consumer,
            "host": "here",
            "pid": 7,
            "queues": ["default"],
            "concurrency": 8,
            "started_at": NOW,
            "beat": 41,
            "beat_at": NOW + timedelta(seconds=3),
        },
    )
    named, positional = {"n": 7}, [1, "two"]
    rows: list[dict[str, Any]] = [
        {"id": queued, "status": Status.QUEUED, "args": named, "positional": positional, "turn": 5},
        {
            "id": scheduled,
            "status": Status.SCHEDULED,
            "run_after": NOW + timedelta(days=1),
            "losses": 2,
        },
        {
            "id": running,
            "status": Status.RUNNING,
            "attempt": 1,
            "consumer_id": consumer,
            "args": named,
        },
        {"id": finished, "status": Status.SUCCEEDED, "result": {"nine": 49}, "finished_at": NOW},
        {"id": attempt_of, "status": Status.FAILED, "failures": 3, "finished_at": NOW},
    ]
    for row in rows:
        insert("jobs_job", {**JOB_OF_0_1, **row})
    insert(
        "jobs_attempt",
        {
            "job_id": attempt_of,
            "number": 1,
            "consumer": "here:7",
            "ended_at": NOW,
            "outcome": "failed",
            "error_type": "ValueError",
            "message": "no",
            "traceback": "",
        },
    )

    call_command("migrate", verbosity=0)

    jobs = {job.pk: job for job in Job.objects.all()}
    assert len(jobs) == len(rows)
    assert (jobs[queued].args, jobs[queued].kwargs) == (positional, named)
    assert jobs[queued].fair_position == 5
    assert (jobs[scheduled].args, jobs[scheduled].kwargs) == ([], {})
    assert jobs[scheduled].lost_count == 2
    assert jobs[scheduled].run_after == NOW + timedelta(days=1)
    assert (jobs[running].status, jobs[running].consumer_id) == (Status.RUNNING, consumer)
    assert (jobs[running].kwargs, jobs[running].args) == (named, [])
    assert (jobs[finished].status, jobs[finished].result) == (Status.SUCCEEDED, {"nine": 49})
    assert jobs[attempt_of].failures == 3
    assert Attempt.objects.get(job=attempt_of).error_type == "ValueError"
    found = Consumer.objects.get(pk=consumer)
    assert (found.heartbeat, found.heartbeat_at) == (41, NOW + timedelta(seconds=3))


def test_a_claim_takes_jobs_of_0_1_in_their_old_order_and_new_ones_behind(
    empty_database: None,
) -> None:
    migrate_to_0_1()
    first, second, third, fourth, other_queue = uuid7s(5)
    for row in (
        {"id": first, "turn": 9, "args": {"n": 1}},
        {"id": second, "turn": 2, "args": {"n": 2}},
        {"id": third, "turn": 2, "positional": [3]},
        {"id": fourth, "turn": 50, "priority": 1},
        {"id": other_queue, "queue": "mail"},
    ):
        insert("jobs_job", {**JOB_OF_0_1, "status": Status.QUEUED, **row})

    call_command("migrate", verbosity=0)

    new = Job(task="testapp.square", kwargs={"n": 5})
    lifecycle.insert_job(new)
    consumer = lifecycle.register("here", 7, ["default"], 8)
    one_by_one = [lifecycle.claim_jobs("default", 1, consumer, NOW)[0] for _ in range(2)]
    claims = one_by_one + lifecycle.claim_jobs("default", 10, consumer, NOW)
    assert [claim.id for claim in claims] == [fourth, second, third, first, new.pk]
    assert [(claim.args, claim.kwargs) for claim in claims] == [
        ([], {}),
        ([], {"n": 2}),
        ([3], {}),
        ([], {"n": 1}),
        ([], {"n": 5}),
    ]


@pytest.mark.parametrize("target", ["0002_field_names", "0001_initial"])
def test_jobs_are_kept_when_the_version_before_is_to_run_again(
    empty_database: None, target: str
) -> None:
    call_command("migrate", verbosity=0)
    waiting, running, finished = uuid7s(3)
    consumer = lifecycle.register("here", 7, ["default"], 8)
    for job in (
        Job(id=waiting, task="testapp.square", args=[1], kwargs={"n": 7}, fair_position=5),
        Job(id=running, task="testapp.square", status=Status.RUNNING, attempt=1, lost_count=2),
        Job(
            id=finished,
            task="testapp.square",
            status=Status.SUCCEEDED,
            result={"nine": 49},
            finished_at=NOW,
            warnings=["one was skipped"],
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ):
        job.consumer_id = consumer if job.status == Status.RUNNING else None
        job.save(force_insert=True)
    Attempt.objects.create(job_id=finished, number=1, consumer="here:7", ended_at=NOW)
    Counter.objects.create(
        shard=consumer, task="testapp.square", queue="default", updated_at=NOW, jobs_succeeded=3
    )

    restricted: list[dict[str, Any]] = [
        *({name: "read"} for name in ("scopes", "tasks", "queues")),
        {"expires_at": NOW},
    ]
    for number, columns in enumerate([{}, *restricted]):
        Token.objects.create(user_id=1, digest=str(number), **columns)

    call_command("migrate", "jobs", target, verbosity=0)

    named, position = ("kwargs", "fair_position") if "0002" in target else ("args", "turn")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {named}, {position}, status FROM jobs_job ORDER BY id")
        rows = cursor.fetchall()
    as_json = [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in rows]
    assert as_json == [{"n": 7}, {}, {}]
    assert [row[1:] for row in rows] == [(5, "queued"), (0, "running"), (0, "succeeded")]
    assert "jobs_counter" not in schema()

    call_command("migrate", verbosity=0)

    jobs = {job.pk: job for job in Job.objects.all()}
    assert (jobs[waiting].args, jobs[waiting].kwargs) == ([1], {"n": 7})
    assert (jobs[running].lost_count, jobs[running].consumer_id) == (2, consumer)
    assert jobs[finished].result == {"nine": 49}
    assert (jobs[finished].warnings, jobs[finished].traceparent) == (None, None)
    assert Attempt.objects.get().job_id == finished
    assert not Counter.objects.exists()
    # One that could do less would be able to do everything.
    assert [token.digest for token in Token.objects.all()] == ["0"]
    assert [claim.id for claim in lifecycle.claim_jobs("default", 9, consumer, NOW)] == [waiting]


def test_what_is_lost_by_going_back_is_documented() -> None:
    page = (ROOT / "jobs" / "docs" / "database.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\d{4}_\w+)` \|", page, re.MULTILINE)
    there = sorted(path.stem for path in (ROOT / "jobs" / "migrations").glob("[0-9]*.py"))
    assert [name for name in named if name not in there] == []
    lossy = [
        name for name in there[2:] if "AddField" in text_of(name) or "CreateModel" in text_of(name)
    ]
    assert sorted(named) == [there[1], *lossy]


def text_of(name: str) -> str:
    return (ROOT / "jobs" / "migrations" / f"{name}.py").read_text(encoding="utf-8")
