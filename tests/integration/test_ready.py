"""``/readyz`` and the database: its migrations, its writes, how often it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.core import schema
from jobs.core.schema import schema_state
from jobs.queries import database_health
from tests.brokers.servers import default_database

NEWER = "9999_from_the_future"
MOST_QUERIES = 4


@pytest.fixture(autouse=True)
def data_folder(jobs_setting: Any) -> None:
    """Files in a folder of this test."""


def readyz() -> tuple[int, str]:
    """The status and what is said; asked anew."""
    database_health._health.forget()
    response = Client().get("/readyz")
    assert ("Retry-After" in response.headers) is (response.status_code == 503)
    body = response.json()
    return response.status_code, body.get("detail", body["status"])


def applied(name: str, *, at: datetime) -> None:
    """Record a migration as applied at a time."""
    MigrationRecorder(connection).migration_qs.create(app="jobs", name=name, applied=at)


@pytest.mark.django_db
def test_a_process_that_starts_against_a_newer_schema_is_not_ready() -> None:
    applied(NEWER, at=schema.STARTED - timedelta(minutes=1))
    status, said = readyz()
    assert status == 503
    assert said.startswith(f"The database is newer than this code: it has {NEWER}.")


@pytest.mark.django_db
def test_a_migration_while_a_process_runs_leaves_it_ready() -> None:
    """Two versions run side by side while one replaces the other."""
    applied(NEWER, at=datetime.now(UTC) + timedelta(seconds=1))
    assert readyz() == (200, "ready")


@pytest.mark.django_db
def test_a_migration_of_another_app_is_its_own_business() -> None:
    at = schema.STARTED - timedelta(minutes=1)
    MigrationRecorder(connection).migration_qs.create(app="shop", name=NEWER, applied=at)
    assert readyz() == (200, "ready")


@pytest.mark.django_db
def test_a_database_that_is_not_migrated_is_not_ready() -> None:
    MigrationRecorder(connection).record_unapplied("jobs", "0002_field_names")
    status, said = readyz()
    assert status == 503
    assert said.startswith("The database is older than this code: 0002_field_names not applied.")
    assert "manage.py migrate" in said


@pytest.mark.django_db
def test_a_migration_that_replaced_others_counts_as_applied_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"0001_squashed": frozenset(schema._known() or ())}
    monkeypatch.setattr(schema, "_known", lambda: known)
    assert schema_state(connection) == schema.SchemaState([], [])


@pytest.mark.django_db
def test_tables_without_migrations_are_taken_as_they_are(settings: Any) -> None:
    settings.MIGRATION_MODULES = {"jobs": None}
    schema._known.cache_clear()
    try:
        applied(NEWER, at=schema.STARTED - timedelta(minutes=1))
        assert readyz() == (200, "ready")
    finally:
        schema._known.cache_clear()


@pytest.mark.django_db
def test_it_costs_a_few_queries_and_a_storm_of_probes_none_more() -> None:
    client = Client()
    with CaptureQueriesContext(connection) as first:
        assert client.get("/readyz").status_code == 200
    assert 1 <= len(first) <= MOST_QUERIES
    with CaptureQueriesContext(connection) as storm:
        for _ in range(100):
            client.get("/readyz")
    assert len(storm) <= MOST_QUERIES  # a second may have passed


sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's file")


@contextmanager
def another_writer() -> Iterator[None]:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_file_that_somebody_writes_is_ready() -> None:
    with another_writer():
        assert readyz() == (200, "ready")


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_read_only_file_is_not() -> None:
    name = f"file:{connection.settings_dict['NAME']}?mode=ro"
    with default_database({"NAME": name}):
        status, said = readyz()
    assert (status, said[:50]) == (503, "The database takes no writes: it is read-only. Not")


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_read_only_folder_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite makes its log there. (Root may write any folder, so the question is answered here.)"""
    asked: list[Path] = []

    def access(path: Path, mode: int) -> bool:
        asked.append(path)
        return False

    monkeypatch.setattr("os.access", access)
    status, said = readyz()
    assert status == 503
    assert said.startswith("The database takes no writes: its folder")
    assert asked == [Path(connection.settings_dict["NAME"]).parent]
