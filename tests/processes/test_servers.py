"""The site under the usual servers, over PostgreSQL: no connection leaks, and a request that waits
for a job never keeps others from being served."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tests.brokers.servers import address
from tests.bulk_client import BulkClient
from tests.cut_off import UploadClient
from tests.ports import free_port
from tests.subprocesses import ROOT, RunningProcess, environment
from tests.waiting import wait_until
from webapp.database import from_url

pytestmark = [pytest.mark.processes, pytest.mark.postgres, pytest.mark.servers]

WSGI, ASGI = "webapp.wsgi:application", "webapp.asgi:application"
AT_ONCE = 20
MANY = 30


@dataclass(frozen=True)
class ServerCommand:
    """How a server is started, and how many connections it may keep when it is idle."""

    name: str
    command: tuple[str, ...]
    connections: int
    package: str = ""

    def __str__(self) -> str:
        return self.name


def gunicorn(kind: str, connections: int, *options: str) -> ServerCommand:
    command = ("gunicorn", WSGI, "--worker-class", kind, "--bind", "127.0.0.1:{port}", *options)
    return ServerCommand(f"gunicorn {kind}", command, connections)


UP = ("python", "manage.py", "up", "--processes", "0", "--port", "{port}")

COMMANDS = [
    ServerCommand("up", UP, 8),
    ServerCommand("uvicorn", ("uvicorn", ASGI, "--host", "127.0.0.1", "--port", "{port}"), 0),
    ServerCommand("daphne", ("daphne", "-b", "127.0.0.1", "-p", "{port}", ASGI), 0),
    ServerCommand("hypercorn", ("hypercorn", "--bind", "127.0.0.1:{port}", ASGI), 0),
    gunicorn("sync", 2, "--workers", "2"),
    gunicorn("gthread", 2, "--threads", "2"),
    gunicorn("gevent", 0),
]


@dataclass(frozen=True)
class Database:
    """A database of this module with a user; ``url`` is what the servers read."""

    url: str
    token: str

    def number_of_jobs(self) -> int:
        """How many jobs there are."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute("SELECT count(*) FROM jobs_job").fetchone()
        return 0 if found is None else int(found[0])

    def connections(self) -> int:
        """How many connections to it there are, but for this one."""
        name = from_url(self.url, base=ROOT)["NAME"]
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        return int(on_server(query, name)[0])


def on_server(statement: str, *values: str) -> Any:
    import psycopg

    config = from_url(address("postgres"), base=ROOT)
    with psycopg.connect(
        host=config["HOST"],
        port=config["PORT"],
        user=config["USER"],
        password=config["PASSWORD"],
        dbname=config["NAME"],
        autocommit=True,
    ) as connection:
        found = connection.execute(statement, values)
        return found.fetchone() if found.description else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[Database]:
    url, name = address("postgres"), f"jobs_test_servers_{os.getpid()}"
    on_server(f"DROP DATABASE IF EXISTS {name}")
    on_server(f"CREATE DATABASE {name}")
    own = url.rpartition("/")[0] + f"/{name}"
    manage(folder, own, "migrate", "--verbosity", "0")
    manage(
        folder,
        own,
        "createsuperuser",
        "--no-input",
        "--username",
        "root",
        "--email",
        "root@example.org",
    )
    yield Database(own, manage(folder, own, "createtoken", "root").strip())
    on_server(f"DROP DATABASE {name} WITH (FORCE)")


def variables(folder: Path, url: str) -> dict[str, str]:
    more = {
        "SECRET_KEY": "s" * 60,
        "JOBS_HTTPS": "0",
        "DJANGO_SUPERUSER_PASSWORD": "x-long-enough-7",
    }
    return environment(folder, DATABASE_URL=url, **more)


def manage(folder: Path, url: str, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=variables(folder, url), check=True, text=True, capture_output=True
    ).stdout


class Site:
    """A running server and a client of it."""

    def __init__(self, command: ServerCommand, folder: Path, database: Database) -> None:
        self.port, self._token = free_port(), database.token
        self.uploads = UploadClient(self.port, self._token)
        self.bulks = BulkClient(self.port, self._token)
        self._database = database
        name, *arguments = [part.format(port=self.port) for part in command.command]
        program = str(Path(sys.executable).with_name(name))
        env = variables(folder, database.url)
        self.process = RunningProcess([program, *arguments], env=env)
        try:
            wait_until(self._responds, what=f"{name} answers")
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kill it; the workers of some servers outlive a killed parent for a while."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self.process.process.pid, signal.SIGKILL)
        self.process.end()

    def number_of_jobs(self) -> int:
        """How many jobs are recorded, whatever the site says."""
        return self._database.number_of_jobs()

    def _responds(self) -> bool:
        try:
            return self.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Send a request on a connection of its own; return status, headers and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {**sent, **headers})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return response.status, names, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module", params=COMMANDS, ids=str)
def site(request: pytest.FixtureRequest, folder: Path, database: Database) -> Iterator[Site]:
    command: ServerCommand = request.param
    if os.name == "nt" and command.name.startswith("gunicorn"):
        pytest.skip("gunicorn does not run on Windows")
    if command.command[0] != "python" and importlib.util.find_spec(command.command[0]) is None:
        pytest.skip(f"{command.command[0]} is not installed")
    started = Site(command, folder, database)
    yield started
    started.end()


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> int:
    """How many connections the server of this test may keep."""
    command: ServerCommand = request.node.callspec.params["site"]
    return command.connections


def test_no_connection_leaks(site: Site, database: Database, kept: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as clients:
        calls = [clients.submit(site.request, "GET", "/api/v1/jobs") for _ in range(10 * AT_ONCE)]
    assert {call.result()[0] for call in calls} == {200}
    wait_until(
        lambda: database.connections() <= kept,
        timeout=20,
        what=f"at most {kept} connections are open",
    )


def test_waiting_requests_leave_room_for_others(site: Site) -> None:
    _, _, job = site.request("POST", "/api/v1/jobs", {"task": "webapp.square", "args": {"n": 7}})
    path = job["links"]["self"]
    with ThreadPoolExecutor(8) as clients:
        # Most servers have seen several requests at once by now, as in a site that is used.
        list(clients.map(lambda _: site.request("GET", "/api/v1/jobs"), range(40)))
        waiting = [clients.submit(site.request, "GET", path, Prefer="wait=30") for _ in range(4)]
        # No consumer runs: the job ends when it is cancelled, so these requests are served while
        # the others wait, or else they wait for the others.
        for _ in range(5):
            assert site.request("GET", "/healthz")[0] == 200
            assert site.request("GET", "/api/v1/jobs")[0] == 200
        assert site.request("POST", job["links"]["cancel"])[0] == 200
        answers = [call.result() for call in waiting]
    assert {status for status, _, _ in answers} == {200}
    for _, headers, body in answers:
        assert body["status"] == "cancelled" or "preference-applied" not in headers


def test_many_wait_where_waiting_keeps_no_thread(
    site: Site, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["site"].name not in {"up", "uvicorn", "daphne", "hypercorn"}:
        return  # each waits in its thread there
    _, _, job = site.request("POST", "/api/v1/jobs", {"task": "webapp.square", "args": {"n": 7}})
    path = job["links"]["self"]
    with ThreadPoolExecutor(MANY) as clients:
        waiting = [clients.submit(site.request, "GET", path, Prefer="wait=30") for _ in range(MANY)]
        assert site.request("GET", "/api/v1/jobs")[0] == 200
        assert site.request("POST", job["links"]["cancel"])[0] == 200
        answers = [call.result() for call in waiting]
    assert {body["status"] for _, _, body in answers} == {"cancelled"}
    assert {headers.get("preference-applied") for _, headers, _ in answers} == {"wait=30"}


def test_an_upload_that_is_cut_off_goes_on(site: Site, request: pytest.FixtureRequest) -> None:
    data = bytes(range(256)) * 4000
    path = site.uploads.create(len(data))
    site.uploads.begin_piece(path, 0, len(data), data[:600_000])
    kept = 0
    # The others receive a body whole before the site sees it.
    if ASGI not in request.node.callspec.params["site"].command:
        kept = wait_until(lambda: site.uploads.offset(path), timeout=20)
    assert site.uploads.append(path, kept, data[kept:]) == "204"
    assert site.uploads.offset(path) == len(data)


def test_a_bulk_is_answered_as_it_comes_and_can_be_cut_off(
    site: Site, request: pytest.FixtureRequest
) -> None:
    if ASGI in request.node.callspec.params["site"].command:
        return  # Django receives a body whole there
    before = site.number_of_jobs()
    client = site.bulks.begin()
    answered = 0
    for number in range(5):
        client.send(number)
        answered += 1
        assert client.answer() == {"line": answered, "id": ANY}
        assert site.number_of_jobs() == before + answered
    client.die(b'{"task": "webapp.square", "args": {"n": 1')
    # It has left with half a line. What was answered is in, and the site goes on without it.
    with ThreadPoolExecutor(2) as clients:
        for call in [clients.submit(site.bulks.send_all, 3000) for _ in range(2)]:
            assert call.result() == list(range(1, 3001))
    assert site.number_of_jobs() == before + answered + 6000
