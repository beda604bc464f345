"""A database of a project's own on the PostgreSQL server of a run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.brokers.servers import address, postgres_config


@contextmanager
def new_postgres_database() -> Iterator[dict[str, Any]]:
    """Yield a new database as Django's settings name it; it is dropped afterwards.

    Skips where there is no server.
    """
    url = address("postgres")
    import psycopg  # late: it is in an extra

    name = f"jobs_project_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield postgres_config(url, name) | {"CONN_MAX_AGE": 0}
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
