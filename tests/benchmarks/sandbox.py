"""The surroundings of one measurement: a fresh folder and databases of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

from tests.benchmarks.processes import ROOT
from tests.benchmarks.task_functions import TRACE

SYSTEM, FOLDER, SLOT = "BENCH_SYSTEM", "BENCH_FOLDER", "BENCH_SLOT"
REDIS, POSTGRES = "JOBS_TEST_REDIS", "JOBS_TEST_POSTGRES"
REDIS_DATABASES = 12
"""A measurement empties database 1 to 12, chosen by its slot; the tests use the URL's: 0."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The measured system, its folder and databases, as read from the environment."""

    system: str
    folder: Path
    slot: int = 0
    """Its number among those measured concurrently; it distinguishes their databases."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Sandbox:
        """Return the sandbox that the parent process has written into the environment."""
        slot = int(environment.get(SLOT, "0"))
        return cls(environment[SYSTEM], Path(environment[FOLDER]), slot)

    def environment(self) -> dict[str, str]:
        """Return a child process's environment, without the caller's settings of Jobdesk."""
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
        """Return host, port and database of the Redis server."""
        parts = urlsplit(os.environ[REDIS])
        database = 1 + self.slot % REDIS_DATABASES
        return parts.hostname or "127.0.0.1", parts.port or 6379, database

    def redis_url(self) -> str:
        """Return the same as a URL."""
        host, port, database = self.redis()
        return f"redis://{host}:{port}/{database}"

    def postgres_url(self) -> str:
        """Return the URL of this system's own database on the PostgreSQL server."""
        path = f"/bench_{self.system}_{self.slot}"
        return urlsplit(os.environ[POSTGRES])._replace(path=path).geturl()


def empty_redis(sandbox: Sandbox) -> None:
    """Empty this sandbox's Redis database."""
    import redis

    host, port, database = sandbox.redis()
    with redis.Redis(host=host, port=port, db=database) as client:
        client.flushdb()


def create_postgres(sandbox: Sandbox) -> None:
    """Create this sandbox's PostgreSQL database, empty."""
    _on_postgres(sandbox, "DROP DATABASE IF EXISTS {} WITH (FORCE)", "CREATE DATABASE {}")


def drop_postgres(sandbox: Sandbox) -> None:
    """Drop this sandbox's PostgreSQL database."""
    _on_postgres(sandbox, "DROP DATABASE IF EXISTS {} WITH (FORCE)")


def _on_postgres(sandbox: Sandbox, *statements: LiteralString) -> None:
    import psycopg
    from psycopg import sql

    name = sql.Identifier(urlsplit(sandbox.postgres_url()).path.removeprefix("/"))
    with psycopg.connect(os.environ[POSTGRES], autocommit=True) as server:
        for statement in statements:
            server.execute(sql.SQL(statement).format(name))
