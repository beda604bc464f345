"""Where one measurement happens: a fresh folder, a port, databases of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .processes import ROOT
from .work import TRACE

SYSTEM, FOLDER = "BENCH_SYSTEM", "BENCH_FOLDER"
REDIS, POSTGRES = "JOBS_TEST_REDIS", "JOBS_TEST_POSTGRES"
REDIS_DATABASE = 15
"""Emptied before each measurement; the tests use the one of the URL, and it is left alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """The system under test and its surroundings; child processes read it from theirs."""

    system: str
    folder: Path

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """The place that a parent process has put us in."""
        return cls(environment[SYSTEM], Path(environment[FOLDER]))

    def environment(self) -> dict[str, str]:
        """What a child process sees: the caller's settings of Jobdesk are none of its business."""
        own = ("JOBS_", "DJANGO_", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL")
        servers = (REDIS, POSTGRES)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(own) or k in servers}
        return kept | {
            SYSTEM: self.system,
            FOLDER: str(self.folder),
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
        return parts.hostname or "127.0.0.1", parts.port or 6379, REDIS_DATABASE

    def redis_url(self) -> str:
        """The same as a URL."""
        host, port, database = self.redis()
        return f"redis://{host}:{port}/{database}"

    def postgres_url(self) -> str:
        """The URL of this system's own database on the PostgreSQL server."""
        return urlsplit(os.environ[POSTGRES])._replace(path=f"/bench_{self.system}").geturl()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fresh_redis(place: Place) -> None:
    """Empty the database that is ours."""
    import redis

    host, port, database = place.redis()
    with redis.Redis(host=host, port=port, db=database) as client:
        client.flushdb()


def fresh_postgres(place: Place) -> None:
    """Make an empty database of this system's name."""
    import psycopg
    from psycopg import sql

    name = sql.Identifier(urlsplit(place.postgres_url()).path.removeprefix("/"))
    with psycopg.connect(os.environ[POSTGRES], autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
