"""A PostgreSQL server of a test's own: stopped, crashed, started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

import pytest

from tests.network import inside
from tests.ports import free_port
from tests.waiting import wait_until

STANDBY = "standby"
"""The name by which a standby presents itself to its primary."""


class PostgresServer:
    """A server of a test's own; root hands it to the user ``postgres``."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", namespace: str = "") -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not programs:
            pytest.skip("PostgreSQL's programs are not where Debian has them")
        if os.getuid() == 0 and shutil.which("runuser") is None:
            pytest.skip("runuser is not on the PATH, and root can't start PostgreSQL without it")
        self._bin = programs[-1]
        self._folder = folder
        self._host = host
        self._port = free_port()
        self._before = inside(namespace)
        self.url = f"postgres://jobs@{host}:{self._port}/postgres"
        self.local_url = f"postgres://jobs@:{self._port}/postgres?host={folder}"
        """By a file, so from any network namespace."""
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        self._make_files()

    def _make_files(self) -> None:
        self._run("initdb", "-A", "trust", "-U", "jobs", "-E", "UTF8", "--no-sync")
        with (self._folder / "data" / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("host all,replication all samenet trust\n")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), "-D", str(self._folder / "data"), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        command = [*self._before, *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=60)

    def start(self, **settings: str) -> Self:
        """Start it with these settings and wait until it answers."""
        told = f"-p {self._port} -c listen_addresses={self._host}"
        told += f" -c unix_socket_directories={self._folder}"
        told += "".join(f" -c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", told, "start")
        return self

    def demote(self) -> None:
        """Let it come back as a hot standby, as a primary whose place another one has taken."""
        self.stop("fast")
        signal = self._folder / "data" / "standby.signal"
        signal.touch()
        if os.getuid() == 0:
            shutil.chown(signal, "postgres")
        self.start()

    def promote(self) -> None:
        """Make a primary of it again."""
        self._run("pg_ctl", "-w", "promote")

    def stop(self, mode: str = "immediate") -> None:
        """End it; ``immediate`` is what a crash does."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill its first process; the others end when they notice."""
        first = (self._folder / "data" / "postmaster.pid").read_text("utf-8").split()[0]
        os.kill(int(first), signal.SIGKILL)


class StandbyServer(PostgresServer):
    """A copy of a running server, which follows it and answers queries that only read."""

    def __init__(
        self, folder: Path, primary: PostgresServer, host: str = "127.0.0.1", namespace: str = ""
    ) -> None:
        self._primary = primary
        super().__init__(folder, host, namespace)

    def _make_files(self) -> None:
        source = f"{self._primary.url}?application_name={STANDBY}"
        self._run("pg_basebackup", "-d", source, "-R", "--checkpoint=fast", "--no-sync")

    def wait_following(self, *, synchronous: bool) -> None:
        """Wait until it has what the primary has; if ``synchronous``, each commit does from now on.

        The setting is not in the files that were copied: a promoted standby must not wait for
        itself.
        """
        import psycopg

        wanted = "sync" if synchronous else "async"
        with psycopg.connect(self._primary.local_url, autocommit=True) as connection:
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
