"""An arena of several machines, each with its own address and data folder.

They share the database, the broker and the storage of files."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from tests.brokers.servers import Setup
from tests.chaos.arena import Arena
from tests.chaos.databases import Postgres
from tests.network import Network, inside, within

PORT: Final = 8000
WEB: Final = "web"
CLIENT: Final = "client"
MACHINES: Final = (WEB, "one", "two", CLIENT)


class Machines(Arena):
    """The site's processes run where ``host`` says, its client on a machine of its own."""

    def __init__(
        self, folder: Path, setup: Setup, network: Network, broker: str, database: Postgres
    ) -> None:
        self.network = network
        super().__init__(folder, setup, broker=broker, database=database)

    def launcher(self, host: str) -> list[str]:
        """Start it in the machine's network namespace."""
        return inside(self.network.namespace(host))

    def listen(self) -> socket.socket:
        """Listen on the web machine's address."""
        address = (self.network.address("web"), PORT)
        return within(self.network.namespace("web"), lambda: socket.create_server(address))

    def connect(self, timeout: float) -> socket.socket:
        """Connect from the client's machine."""
        address = (self.network.address("web"), PORT)
        return within(
            self.network.namespace(CLIENT), lambda: socket.create_connection(address, timeout)
        )

    def environment(self, host: str = "web", **extra: str) -> dict[str, str]:
        """All machines share one folder of files."""
        hosts = {"ALLOWED_HOSTS": "*", "CHAOS_FILES": str(self.folder / "files")}
        return super().environment(host, **hosts, **extra)

    def delete_messages(self) -> None:
        """The broker is removed with the network."""
