"""A PostgreSQL primary and its standby: what is committed on the first is on the second."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from tests.brokers.postgres_server import PostgresServer
from tests.chaos.databases import Postgres
from tests.network import Network
from tests.waiting import wait_until

PRIMARY, STANDBY = "primary", "standby"
NO_SYNC = {"fsync": "off"}
"""Processes are killed here, not machines: what was written is not lost with them."""


class StandbyServer(PostgresServer):
    """A copy of a running server, which follows it and answers queries that only read."""

    def __init__(self, folder: Path, primary: PostgresServer, host: str, namespace: str) -> None:
        self._primary = primary
        super().__init__(folder, host, namespace)

    def _make_files(self) -> None:
        source = f"{self._primary.url}?application_name={STANDBY}"
        self._run("pg_basebackup", "-d", source, "-R", "--checkpoint=fast", "--no-sync")

    def promote(self) -> None:
        """Make it a primary: it takes writes once this returns."""
        self._run("pg_ctl", "-w", "promote")


class PostgresPair:
    """Two servers on machines of their own. A commit waits until the standby has it as well."""

    def __init__(self, folder: Path, network: Network, *, synchronous: bool = True) -> None:
        self.has_primary = True
        self._network = network
        self._folders = {name: folder / name for name in (PRIMARY, STANDBY)}
        for each in self._folders.values():
            each.mkdir()
        self.primary = PostgresServer(self._folders[PRIMARY], *self._place(PRIMARY))
        self.primary.start(**NO_SYNC)
        self.standby = StandbyServer(self._folders[STANDBY], self.primary, *self._place(STANDBY))
        self.standby.start(**NO_SYNC)
        self._follow(synchronous)

    def _place(self, name: str) -> tuple[str, str]:
        return self._network.address(name), self._network.namespace(name)

    def _follow(self, synchronous: bool) -> None:
        """Not in the files that were copied: a promoted standby must not wait for itself."""
        import psycopg

        wanted = "sync" if synchronous else "async"
        with psycopg.connect(self.primary.local_url, autocommit=True) as connection:
            if synchronous:
                connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
                connection.execute("SELECT pg_reload_conf()")
            wait_until(
                lambda: connection.execute(
                    "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"
                    " AND sync_state = %s",
                    [wanted],
                ).fetchone(),
                what="the standby follows",
            )

    def lose_primary(self) -> None:
        """Kill the primary, and cut its cable: whatever becomes of it, it changes nothing more."""
        self.has_primary = False
        self.primary.kill()
        self._network.cut_off(PRIMARY)

    def promote(self) -> PostgresServer:
        """Make the standby the primary, and return it."""
        self.standby.promote()
        self.has_primary = True
        return self.standby

    def close(self) -> None:
        """End both."""
        for server in (self.primary, self.standby):
            with suppress(CalledProcessError):  # it was killed
                server.stop()


class PairDatabase(Postgres):
    """The site's database; a query waits while neither server can answer it."""

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        import psycopg

        found: list[list[tuple[Any, ...]]] = []

        def is_answered() -> bool:
            try:
                found.append(super(PairDatabase, self).rows(statement, *parameters))
            except psycopg.OperationalError:
                self.forget_connection()
            return bool(found)

        wait_until(is_answered, what="a primary")
        return found[0]

    def close(self) -> None:
        """It goes with its servers."""
        self.close_connections()
