"""Consumer processes over each database and broker that is there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from tests.brokers.emptying import alone_with, empty_broker
from tests.brokers.servers import SERVERS, Setup, address, default_database, postgres_config
from tests.consumers import Consumers

OURS = "jobs_test_brokers"


@pytest.fixture(scope="session")
def postgres(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """A database of this run on the PostgreSQL server, migrated; gone at the end."""
    url = address("postgres")
    name = f"{OURS}_{os.getpid()}"
    with django_db_blocker.unblock():
        _on_server(url, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        config = postgres_config(url, name)
        with default_database(config):
            call_command("migrate", verbosity=0)
    yield config
    with django_db_blocker.unblock():
        _on_server(url, f"DROP DATABASE {name} WITH (FORCE)")


def _on_server(url: str, *statements: str) -> None:
    with default_database(postgres_config(url)), connections["default"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database file in WAL mode with a table."""
    made = sqlite3.connect(tmp_path / "a.sqlite3", check_same_thread=False)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE t(x)")
    made.commit()
    yield made
    made.close()


@pytest.fixture
def setup(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any, tmp_path: Path
) -> Iterator[Setup]:
    """The database and the broker that the test asks for by parameter, both empty.

    The data folder is the one that the test's consumers use.
    """
    chosen: Setup = getattr(request, "param", Setup("sqlite"))
    url = chosen.broker_url()
    settings.JOBS = {**settings.JOBS, "BROKER_URL": url, "DATA_DIR": tmp_path / "var"}
    with ExitStack() as stack:
        if chosen.broker in SERVERS:
            stack.enter_context(alone_with(url))
        empty_broker(url)
        if chosen.database == "postgres":
            stack.enter_context(default_database(request.getfixturevalue("postgres")))
            call_command("flush", verbosity=0, interactive=False)
        yield chosen


@pytest.fixture
def consumers(setup: Setup, tmp_path: Path) -> Iterator[Consumers]:
    """Return a starter of consumers; what is left of them at the end is killed."""
    starter = Consumers(tmp_path, **setup.environment())
    yield starter
    if setup.broker == "kafka":
        starter.stop_all()  # a killed one keeps its partitions for the next test's first seconds
    starter.end_all()
