"""The configuration of pgbouncer in ``servers.md``, as it is there but for its addresses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.brokers.postgres_server import PostgresServer
from tests.ports import free_port
from tests.subprocesses import ROOT
from tests.waiting import wait_until
from webapp.database import from_url

pytestmark = [pytest.mark.postgres, pytest.mark.pgbouncer]

PAGE = (ROOT / "jobs" / "docs" / "servers.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## pgbouncer")[2]
INI = re.findall(r"```ini\n(.*?)```", SECTION, re.DOTALL)[0]
URL = re.findall(r"`DATABASE_URL=(.*?)`", SECTION)[0]


def with_addresses(server: PostgresServer, port: int, users: Path) -> str:
    """The documented settings; each that is changed must be there."""
    text = str(INI)
    for there, here in (
        ("host=10.0.0.5 port=5432", f"host=127.0.0.1 port={urlsplit(server.url).port}"),
        ("listen_port = 6432", f"listen_port = {port}\nunix_socket_dir ="),
        ("/etc/pgbouncer/userlist.txt", str(users)),
    ):
        assert text.count(there) == 1
        text = text.replace(there, here)
    return f"{text}user = postgres\n" if os.getuid() == 0 else text


@pytest.fixture
def database() -> Iterator[dict[str, Any]]:
    """Django's settings of the documented URL, with pgbouncer at its address."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    found = from_url(URL, base=Path())
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server_folder = folder / "server"
        server_folder.mkdir()
        server = PostgresServer(server_folder).start(fsync="off")
        port = free_port()
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute(f"ALTER ROLE {found['USER']} PASSWORD '{found['PASSWORD']}'")
            owner.execute(f"CREATE DATABASE {found['NAME']}")
        (folder / "users.txt").write_text(
            f'"{found["USER"]}" "{found["PASSWORD"]}"\n', encoding="utf-8"
        )
        ini = folder / "pgbouncer.ini"
        ini.write_text(with_addresses(server, port, folder / "users.txt"), encoding="utf-8")
        process = subprocess.Popen(
            [program, str(ini)], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield {**found, "PORT": port}
        finally:
            process.terminate()
            process.wait(10)
            server.stop()


def answer(database: dict[str, Any], password: str) -> str:
    """The mode that pgbouncer is in, or the error."""
    try:
        with psycopg.connect(
            host=database["HOST"],
            port=database["PORT"],
            user=database["USER"],
            password=password,
            dbname=database["NAME"],
            connect_timeout=5,
        ) as connection:
            found = connection.execute("SELECT current_database()").fetchone()
            return str(found and found[0])
    except psycopg.OperationalError as error:
        return str(error)


def test_it_serves_the_documented_url(database: dict[str, Any]) -> None:
    wait_until(
        lambda: answer(database, database["PASSWORD"]) == "jobdesk", timeout=20, what="an answer"
    )
    assert "authentication failed" in answer(database, "another")
