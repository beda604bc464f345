"""A ``DATABASE_URL`` of two PostgreSQL hosts: the site and a consumer go on after a failover."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections

from jobs.core.database_url import from_url
from jobs.models import Job, Token
from tests.brokers.postgres_server import PostgresServer, StandbyServer
from tests.brokers.servers import default_database
from tests.consumers import Consumers, wait_finished, wait_status
from tests.ports import free_port
from tests.subprocesses import RunningProcess, environment
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.postgres]

NO_SYNC = {"fsync": "off"}  # a process is killed here, not a machine


@dataclass
class Pair:
    """A primary and its synchronous standby, and the one URL of both."""

    primary: PostgresServer
    standby: StandbyServer
    url: str


@pytest.fixture
def pair(transactional_db: None) -> Iterator[Pair]:
    """The standby comes first in the URL: it answers, and must not be taken."""
    with tempfile.TemporaryDirectory(prefix="hosts-") as name:
        folders = [Path(name, each) for each in ("primary", "standby")]
        Path(name).chmod(0o755)  # the servers run as another user
        for each in folders:
            each.mkdir()
        primary = PostgresServer(folders[0]).start(**NO_SYNC)
        standby = StandbyServer(folders[1], primary).start(**NO_SYNC)
        standby.wait_following(synchronous=True)
        hosts = ",".join(urlsplit(one.url).netloc.rpartition("@")[2] for one in (standby, primary))
        url = f"postgres://jobs@{hosts}/postgres"
        with default_database(from_url(url, base=Path())):
            call_command("migrate", verbosity=0)
            yield Pair(primary, standby, url)
        standby.stop()


@dataclass
class Site:
    """gunicorn with two threads, which keep their connections, and a client of it."""

    process: RunningProcess
    port: int
    token: str
    accepted: list[str] = field(default_factory=list)

    def request(self, method: str, path: str, body: Any = None) -> int:
        """Return the status of the answer; remember what was accepted."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            client.request(method, path, json.dumps(body), headers)
            answer = client.getresponse()
            said = json.loads(answer.read())
        finally:
            client.close()
        if answer.status == 202:
            self.accepted.append(said["id"])
        return answer.status

    def submit(self, n: int) -> int:
        return self.request("POST", "/api/v1/jobs", {"task": "webapp.square", "args": {"n": n}})

    def is_up(self) -> bool:
        try:
            return self.request("GET", "/healthz") == 200
        except OSError:
            return False


@pytest.fixture
def site(pair: Pair, tmp_path: Path) -> Iterator[Site]:
    pytest.importorskip("gunicorn")
    _, token = Token.objects.issue(User.objects.create_user("ada"))
    port = free_port()
    options = ["--worker-class", "gthread", "--threads", "2", "--bind", f"127.0.0.1:{port}"]
    env = environment(tmp_path / "var", DATABASE_URL=pair.url, SECRET_KEY="s" * 60, JOBS_HTTPS="0")
    command = [sys.executable, "-m", "gunicorn", "webapp.wsgi:application", *options]
    started = Site(RunningProcess(command, env=env), port, token)
    wait_until(started.is_up, what="gunicorn answers")
    yield started
    started.process.process.terminate()  # it ends its worker
    started.process.wait()
    started.process.end()


@pytest.fixture
def consumers(pair: Pair, tmp_path: Path) -> Iterator[Consumers]:
    starter = Consumers(tmp_path, DATABASE_URL=pair.url, JOBS_TEST_DATA_DIR=str(tmp_path / "var"))
    yield starter
    starter.end_all()


def port_in_use() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW port")
        return int(cursor.fetchone()[0])


def test_the_site_and_a_consumer_go_on_after_a_failover(
    pair: Pair, site: Site, consumers: Consumers, tmp_path: Path
) -> None:
    assert port_in_use() == urlsplit(pair.primary.url).port
    consumer = consumers.start()
    go = tmp_path / "go"
    held = tasks.hold.enqueue(path=str(go))
    wait_status(held.id, "running")
    # Both threads of the site, so that each has a connection that the failover breaks.
    assert {site.submit(n) for n in range(4)} == {202}
    for job in site.accepted:
        wait_finished(job)

    pair.primary.stop()
    assert site.submit(4) == 503
    go.touch()
    wait_until(lambda: any("cannot be written" in line for line in consumer.log))
    pair.standby.promote()

    wait_until(lambda: site.submit(5) == 202, what="the site accepts again")
    assert {site.submit(n) for n in range(6, 10)} == {202}
    connections.close_all()
    assert port_in_use() == urlsplit(pair.standby.url).port
    assert wait_finished(held.id).attempt == 1
    for job in site.accepted:
        assert wait_finished(job).status == "succeeded"
    assert Job.objects.count() == 1 + len(site.accepted)
    assert consumer.stop() == 0
