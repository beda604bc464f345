"""The database of an arena, SQLite or PostgreSQL: created, queried, disturbed, checked, dropped."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tests.brokers.servers import Setup, address

LOCK_TIMEOUT = 30
"""Seconds that a query waits for a lock."""


class Database(Protocol):
    """What the tests of chaos do with a database. Parameters of statements are ``?``."""

    url: str

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Ids are hexadecimal digits."""

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Block all other writers."""

    def is_free(self) -> bool:
        """Whether a write would not wait for another's lock on the whole database."""

    def cut(self) -> None:
        """Break every connection of the site's processes."""

    def integrity_errors(self) -> list[str]:
        """Return what the database finds wrong with its own files."""

    def copy(self, folder: Path) -> Database:
        """Return a new database with this one's content."""

    def close(self) -> None:
        """Drop it."""


class Sqlite:
    """A file in the arena's folder, removed with the folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "chaos.sqlite3"
        self.url = f"sqlite:///{self._path}"

    @contextlib.contextmanager
    def _open(self, timeout: float = LOCK_TIMEOUT) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path, timeout=timeout, isolation_level=None)
        try:
            yield database
        finally:
            database.close()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._open() as database:
            return database.execute(statement, parameters).fetchall()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock. Others may still read."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")

    def is_free(self) -> bool:
        """Try to take the write lock."""
        with self._open(timeout=0.5) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
        return True

    def cut(self) -> None:
        """A file has no connections."""

    def integrity_errors(self) -> list[str]:
        """Let SQLite check each page."""
        return [text for (text,) in self.rows("PRAGMA integrity_check") if text != "ok"]

    def copy(self, folder: Path) -> Sqlite:
        """Copy it into a file of another folder."""
        made = Sqlite(folder)
        self.rows("VACUUM INTO ?", str(made._path))
        return made

    def close(self) -> None:
        """The folder belongs to the test."""


class Postgres:
    """A database of its own on the server of the tests."""

    def __init__(self, server: str, *, as_seen: str = "", template: str = "template1") -> None:
        """``as_seen`` is the server's URL as seen by the site, when that differs."""
        name = f"jobs_test_chaos_{uuid.uuid4().hex[:12]}"
        self._name = name
        self._opened: list[Any] = []
        self.move(server)
        self.url = _with_name(as_seen or server, name)
        self._on_server(f"CREATE DATABASE {name} TEMPLATE {template}")

    def move(self, server: str) -> None:
        """Query the same database on another server from now on; the site is not told."""
        self._server = server
        self._url = _with_name(server, self._name)
        self._own = threading.local()

    def _on_server(self, statement: str) -> None:
        with self._connect(self._server) as server:
            server.execute(statement)

    def _connect(self, url: str) -> Any:
        import psycopg

        return psycopg.connect(url, autocommit=True, application_name="the arena")

    def _connection(self) -> Any:
        """Return this thread's connection: opening one costs milliseconds."""
        if not hasattr(self._own, "connection"):
            self._own.connection = self._connect(self._url)
            self._opened.append(self._own.connection)
        return self._own.connection

    def forget_connection(self) -> None:
        """Let this thread's next query make a new one."""
        if hasattr(self._own, "connection"):
            del self._own.connection

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        query = statement.replace("?", "%s")
        found = self._connection().execute(query, parameters).fetchall()
        return [tuple(map(_plain, row)) for row in found]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the jobs' table as ``ALTER TABLE`` does: reads wait as well."""
        with self._connect(self._url) as database, database.transaction():
            database.execute("LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE")
            yield

    def is_free(self) -> bool:
        """Locks are on rows, and the server releases those of a dead connection."""
        return True

    def cut(self) -> None:
        """End the server's side of each connection of the site's processes."""
        self.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name <> 'the arena'"
        )

    def integrity_errors(self) -> list[str]:
        """Let amcheck, where it is installed, compare tables and indexes."""
        if not self.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'"):
            return []
        self._connection().execute("CREATE EXTENSION IF NOT EXISTS amcheck")
        found = self.rows(
            "SELECT relname || ': ' || msg FROM pg_class, verify_heapam(pg_class.oid)"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return [text for (text,) in found] + self._broken_indexes()

    def copy(self, folder: Path) -> Postgres:
        """Let the server copy it."""
        return Postgres(self._server, template=self._name)

    def _broken_indexes(self) -> list[str]:
        import psycopg

        try:
            self.rows(
                "SELECT bt_index_check(index.oid, true) FROM pg_class AS index"
                " JOIN pg_am ON pg_am.oid = relam AND amname = 'btree'"
                " WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace"
            )
        except psycopg.DatabaseError as error:
            return [str(error)]
        return []

    def close_connections(self) -> None:
        """Close those of all threads."""
        for connection in self._opened:
            connection.close()

    def close(self) -> None:
        """Drop it."""
        self.close_connections()
        self._on_server(f"DROP DATABASE {self._name} WITH (FORCE)")


def _with_name(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _plain(value: Any) -> Any:
    """Return a value as SQLite does."""
    if isinstance(value, uuid.UUID):
        return value.hex
    return value


def seconds_of(moment: str | datetime) -> float:
    """Return a stored time in seconds since 1970."""
    found = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def database_for(setup: Setup, folder: Path) -> Database:
    """Return a new, empty database; skips when the server is not there."""
    if setup.database == "postgres":
        return Postgres(address("postgres"))
    return Sqlite(folder)
