"""A pgbouncer of a test's own, before the PostgreSQL server of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.waiting import wait_until

SERVER_CONNECTIONS = 4


class PgBouncer:
    """Lends few connections of the server to many clients.

    Args:
        folder: for its files.
        server: Django's settings of the database behind it.
        mode: ``transaction`` or ``session``.
    """

    def __init__(self, folder: Path, server: dict[str, Any], mode: str) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            pytest.skip("pgbouncer is not installed")
        self.config = {**server, "HOST": "127.0.0.1", "PORT": free_port()}
        users, settings = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{server["USER"]}" ""\n', encoding="utf-8")
        lines = [
            "[databases]",
            f"* = host={server['HOST'] or '127.0.0.1'} port={server['PORT'] or 5432}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.config['PORT']}",
            "unix_socket_dir =",
            f"pool_mode = {mode}",
            f"default_pool_size = {SERVER_CONNECTIONS if mode == 'transaction' else 40}",
            "auth_type = trust",
            f"auth_file = {users}",
        ]
        settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [program, str(settings)]
        if os.getuid() == 0:  # it refuses to run as root
            folder.chmod(0o755)
            command = ["runuser", "-u", "postgres", "--", *command]
        self._process = subprocess.Popen(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(self._answers, timeout=20, what="pgbouncer answers")
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        import psycopg

        try:
            self._connect(psycopg).close()
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
