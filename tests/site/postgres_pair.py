"""A PostgreSQL primary and its standby: what is committed on the first is on the second."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from tests.brokers.postgres_server import STANDBY, PostgresServer, StandbyServer
from tests.chaos.databases import Postgres
from tests.network import Network
from tests.waiting import wait_until

PRIMARY = "primary"
NO_SYNC = {"fsync": "off"}
"""Processes are killed here, not machines: what was written is not lost with them."""


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
        self.standby.wait_following(synchronous=synchronous)

    def _place(self, name: str) -> tuple[str, str]:
        return self._network.address(name), self._network.namespace(name)

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
