"""Ways in which a real database that is up takes no writes any more, and does again."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from tests.brokers.postgres_server import PostgresServer
from tests.brokers.servers import default_database, postgres_config


class Lockout:
    """One way; ``begin`` may be called while the database is in use."""

    retry_after = "10"
    words = "read-only"
    """What ``/readyz`` and ``doctor`` say."""

    def begin(self) -> None:
        """Let nothing be written from now on."""
        raise NotImplementedError

    def end(self) -> None:
        """Let it be written again; nothing if it can be."""
        raise NotImplementedError


class ReadOnlyFile(Lockout):
    """An SQLite file that every new connection opens for reading alone."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def begin(self) -> None:
        name = f"file:{connection.settings_dict['NAME']}?mode=ro"
        self._stack.enter_context(default_database({"NAME": name}))

    def end(self) -> None:
        self._stack.close()


class ReadOnlySessions(Lockout):
    """PostgreSQL's ``default_transaction_read_only``, which each session reads when it begins."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    def begin(self) -> None:
        name = self._config["NAME"]
        with on_server(self._config) as cursor:
            cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
        connection.close()

    def end(self) -> None:
        name = self._config["NAME"]
        with on_server(self._config) as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


class RevokedRights(Lockout):
    """A PostgreSQL role that may read, and no longer write, while its sessions stay open."""

    words = "right to insert into jobs_job, jobs_upload is missing"

    def __init__(self, owner: dict[str, Any]) -> None:
        self._owner = owner
        self._role = f"jobs_locked_out_{secrets.token_hex(4)}"
        password = secrets.token_hex(8)
        self.config = {**owner, "USER": self._role, "PASSWORD": password}
        with on_server(owner, owner["NAME"]) as cursor:
            cursor.execute(f"CREATE ROLE {self._role} LOGIN PASSWORD '{password}'")
            for kind in ("TABLES", "SEQUENCES"):
                cursor.execute(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {self._role}")

    def begin(self) -> None:
        self._change("REVOKE {rights} FROM {role}")

    def end(self) -> None:
        self._change("GRANT {rights} TO {role}")

    def _change(self, statement: str) -> None:
        rights = "INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        with on_server(self._owner, self._owner["NAME"]) as cursor:
            cursor.execute(statement.format(rights=rights, role=self._role))

    def drop(self) -> None:
        """Delete the role."""
        with on_server(self._owner, self._owner["NAME"]) as cursor:
            cursor.execute(f"DROP OWNED BY {self._role}")
            cursor.execute(f"DROP ROLE {self._role}")


class DemotedPrimary(Lockout):
    """A server that comes back as a hot standby, and is promoted again."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._is_demoted = False

    def begin(self) -> None:
        self._server.demote()
        self._is_demoted = True
        connection.close()  # as the end of a request does; the tests' client has none

    def end(self) -> None:
        if self._is_demoted:
            self._server.promote()
        self._is_demoted = False


@contextmanager
def on_server(config: dict[str, Any], name: str = "postgres") -> Iterator[Any]:
    """A cursor of the server's owner, on a connection of its own."""
    with default_database({**config, "NAME": name}), connection.cursor() as cursor:
        yield cursor


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """A migrated server of this test alone, as its database."""
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(Path(folder)).start()
        try:
            with default_database(postgres_config(server.url)):
                call_command("migrate", verbosity=0)
                yield server
        finally:
            server.stop()


@contextmanager
def lockout(way: str, request: Any) -> Iterator[Lockout]:
    """Make the test's database one that can be locked, by ``way``: ``sqlite``, ``demoted``,
    ``read-only`` or ``revoked``."""
    if way == "sqlite":
        yield ReadOnlyFile()
        return
    if way == "demoted":
        with own_server() as server:
            yield DemotedPrimary(server)
        return
    config = request.getfixturevalue("postgres")
    if way == "read-only":
        with default_database(config):
            yield ReadOnlySessions(config)
        return
    revoked = RevokedRights(config)
    try:
        with default_database(revoked.config):
            yield revoked
    finally:
        revoked.drop()
