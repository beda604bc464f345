"""A pgbouncer of a test's own, before a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.network import inside, within
from tests.ports import free_port
from tests.waiting import wait_until

SERVER_CONNECTIONS = 4


class PgBouncer:
    """Lends few connections of the server to many clients.

    Args:
        folder: for its files; the user ``postgres`` must be able to read it.
        server: Django's settings of the database behind it.
        mode: ``transaction`` or ``session``.
        options: lines of its configuration.
        host: the address that it listens on.
        namespace: the network namespace that it runs in.
    """

    def __init__(
        self,
        folder: Path,
        server: dict[str, Any],
        mode: str,
        *options: str,
        host: str = "127.0.0.1",
        namespace: str = "",
    ) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            pytest.skip("pgbouncer is not installed")
        self.config = {**server, "HOST": host, "PORT": free_port()}
        self._namespace = namespace
        self._users, self._settings = folder / "users.txt", folder / "pgbouncer.ini"
        self._users.write_text(f'"{server["USER"]}" ""\n', encoding="utf-8")
        self._options = [f"pool_mode = {mode}", f"default_pool_size = {_pool_size(mode)}", *options]
        if os.getuid() == 0:  # it refuses to serve as root
            folder.chmod(0o755)
            self._options.append("user = postgres")
        self._write_settings(server)
        self._process = subprocess.Popen(
            [*inside(namespace), program, str(self._settings)],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(self._answers, timeout=20, what="pgbouncer answers")
        except BaseException:
            self.stop()
            raise

    def _write_settings(self, server: dict[str, Any]) -> None:
        lines = [
            "[databases]",
            f"* = host={server['HOST'] or '127.0.0.1'} port={server['PORT'] or 5432}",
            "[pgbouncer]",
            f"listen_addr = {self.config['HOST']}",
            f"listen_port = {self.config['PORT']}",
            "unix_socket_dir =",
            "auth_type = trust",
            f"auth_file = {self._users}",
            *self._options,
        ]
        self._settings.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def point_to(self, server: dict[str, Any]) -> None:
        """Lend the connections of another server from now on."""
        self._write_settings(server)
        self._process.send_signal(signal.SIGHUP)

    def _answers(self) -> bool:
        import psycopg

        try:
            within(self._namespace, lambda: self._connect(psycopg).close())
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, driver: Any) -> Any:
        config = self.config
        return driver.connect(
            host=config["HOST"], port=config["PORT"], user=config["USER"], dbname=config["NAME"]
        )

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


def _pool_size(mode: str) -> int:
    return SERVER_CONNECTIONS if mode == "transaction" else 40
