"""Where one measurement happens: a fresh folder, a port, databases of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

from tests.benchmarks.processes import ROOT
from tests.benchmarks.work import TRACE

SYSTEM, FOLDER, SLOT = "BENCH_SYSTEM", "BENCH_FOLDER", "BENCH_SLOT"
REDIS, POSTGRES = "JOBS_TEST_REDIS", "JOBS_TEST_POSTGRES"
REDIS_DATABASES = 12
"""A measurement empties one of 1 to 12, by its slot; the tests use the one of the URL: 0."""


@dataclass(frozen=True, slots=True)
class Place:
    """The system under test and its surroundings; child processes read it from theirs."""

    system: str
    folder: Path
    slot: int = 0
    """Which one it is of those that are measured at a time: databases are told apart by it."""

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """The place that a parent process has put us in."""
        slot = int(environment.get(SLOT, "0"))
        return cls(environment[SYSTEM], Path(environment[FOLDER]), slot)

    def environment(self) -> dict[str, str]:
        """What a child process sees: the caller's settings of Jobdesk are none of its business."""
        own = ("JOBS_", "DJANGO_", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL")
        servers = (REDIS, POSTGRES)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(own) or k in servers}
        return kept | {
            SYSTEM: self.system,
            FOLDER: str(self.folder),
            SLOT: str(self.slot),
            TRACE: str(self.trace),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(self.folder)]),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def trace(self) -> Path:
        """The file that the jobs write to."""
        return self.folder / "trace.txt"

    def redis(self) -> tuple[str, int, int]:
        """Host, port and database of the Redis server."""
        parts = urlsplit(os.environ[REDIS])
        database = 1 + self.slot % REDIS_DATABASES
        return parts.hostname or "127.0.0.1", parts.port or 6379, database

    def redis_url(self) -> str:
        """The same as a URL."""
        host, port, database = self.redis()
        return f"redis://{host}:{port}/{database}"

    def postgres_url(self) -> str:
        """The URL of this system's own database on the PostgreSQL server."""
        path = f"/bench_{self.system}_{self.slot}"
        return urlsplit(os.environ[POSTGRES])._replace(path=path).geturl()


def fresh_redis(place: Place) -> None:
    """Empty the database that is ours."""
    import redis

    host, port, database = place.redis()
    with redis.Redis(host=host, port=port, db=database) as client:
        client.flushdb()


def fresh_postgres(place: Place) -> None:
    """Make an empty database for this system."""
    _on_postgres(place, "DROP DATABASE IF EXISTS {} WITH (FORCE)", "CREATE DATABASE {}")


def drop_postgres(place: Place) -> None:
    """Remove it."""
    _on_postgres(place, "DROP DATABASE IF EXISTS {} WITH (FORCE)")


def _on_postgres(place: Place, *statements: LiteralString) -> None:
    import psycopg
    from psycopg import sql

    name = sql.Identifier(urlsplit(place.postgres_url()).path.removeprefix("/"))
    with psycopg.connect(os.environ[POSTGRES], autocommit=True) as server:
        for statement in statements:
            server.execute(sql.SQL(statement).format(name))
