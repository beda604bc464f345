"""A consumer's own probe: what its file and its port say."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jobs.consumer.health import HealthError, HealthOptions
from jobs.consumer.health import consumer as consumer_health
from jobs.consumer.health import server as health_server
from jobs.consumer.health.consumer import STUCK_SECONDS, ConsumerHealth
from jobs.consumer.health.file import HealthFile, Times, read_times
from jobs.consumer.health.processes import ProcessesHealth
from jobs.consumer.health.reports import HealthReports
from jobs.consumer.health.server import HealthServer
from tests.consumers import ROOT
from tests.waiting import wait_until

LEASE = 30.0


class Clock:
    """Both clocks, which stand still until they are set."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000 + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(consumer_health, "time", made)
    return made


# One process.


def test_it_is_ready_from_its_first_heartbeat_until_it_stops(clock: Clock) -> None:
    health = ConsumerHealth(LEASE)
    assert health.why_not_ready() == "The consumer is starting."
    health.heartbeat()
    assert health.why_not_ready() == ""
    health.stop()
    assert health.why_not_ready() == "The consumer is stopping."


def test_while_the_database_is_away_it_is_not_ready_and_not_stuck(clock: Clock) -> None:
    """A restart would lose what has ended meanwhile and could not be written yet."""
    health = ConsumerHealth(LEASE)
    health.heartbeat()
    clock.now += LEASE + 600
    health.went_round()
    assert health.why_not_ready() == "No heartbeat was committed for 630 s: is the database away?"
    assert health.why_stuck() == ""


def test_a_batch_writer_that_does_not_go_on_is_stuck(clock: Clock) -> None:
    health = ConsumerHealth(LEASE)
    clock.now += STUCK_SECONDS
    assert health.why_stuck() == ""
    clock.now += 1
    assert health.why_stuck() == "The thread that writes to the database has been stuck for 121 s."


def test_the_file_is_as_old_as_the_last_heartbeat(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "health"
    health = ConsumerHealth(LEASE, HealthFile(path))
    health.went_round()
    assert not path.exists(), "no job is taken yet"
    health.heartbeat()
    first = clock.time()
    assert read_times(path) == (first, first)
    clock.now += 5
    health.went_round()
    assert read_times(path) == (first + 5, first)
    path.unlink()  # by someone who cleans up
    clock.now += 5
    health.went_round()
    assert read_times(path) == (first + 10, first)


def test_a_file_of_a_killed_consumer_says_nothing_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "health"
    path.touch()
    HealthFile(path)
    assert not path.exists()


def test_a_file_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "health"):
        with pytest.raises(HealthError, match=r"--health-file .* cannot be written: "):
            HealthFile(path)


def test_a_file_that_cannot_be_written_later_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    health = ConsumerHealth(LEASE, HealthFile(folder / "health"))
    folder.rmdir()
    health.heartbeat()
    health.heartbeat()
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.text


# Several.


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [tmp_path / "1", tmp_path / "2"]


def touch(path: Path, seconds_ago: float, *, round_ago: float = 0.0) -> Times:
    now = time.time()
    path.touch()
    os.utime(path, (now - round_ago, now - seconds_ago))
    return Times(now - round_ago, now - seconds_ago)


def test_several_are_as_healthy_as_the_worst(files: list[Path], tmp_path: Path) -> None:
    health = ProcessesHealth(files, LEASE, HealthFile(tmp_path / "health"))
    touch(files[0], 0)
    health.look()
    assert health.why_not_ready() == "Of 2 consumer processes 1 are not ready."
    assert not (tmp_path / "health").exists()
    oldest = touch(files[1], 10)
    health.look()
    assert health.why_not_ready() == ""
    assert (tmp_path / "health").stat().st_mtime == pytest.approx(oldest.heartbeat, abs=1e-3)
    touch(files[1], 600)
    assert "No heartbeat was committed for 600 s" in health.why_not_ready()
    assert health.why_stuck() == ""
    touch(files[1], 600, round_ago=STUCK_SECONDS + 5)
    assert health.why_stuck() == "A consumer process is stuck."


# The port.


class Told:
    """A health that a test sets."""

    stuck = ready = ""

    def why_stuck(self) -> str:
        return self.stuck

    def why_not_ready(self) -> str:
        return self.ready


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def server(told: Told) -> Iterator[HealthServer]:
    made = HealthServer("127.0.0.1", 0, told)
    made.start()
    yield made
    made.close(10)


def ask(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, method=method), timeout=30
        ) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_port_answers_as_the_site_does(server: HealthServer, told: Told) -> None:
    assert ask(f"{server.url}/healthz") == (200, '{"status": "ok"}')
    assert ask(f"{server.url}/readyz?x=1") == (200, '{"status": "ready"}')
    told.ready = "The consumer is stopping."
    status, body = ask(f"{server.url}/readyz")
    assert (status, json.loads(body)["detail"]) == (503, "The consumer is stopping.")
    assert ask(f"{server.url}/readyz", "HEAD") == (503, "")
    assert ask(f"{server.url}/metrics")[0] == 404
    assert ask(f"{server.url}/healthz", "POST")[0] == 405


def connect(server: HealthServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_clients_that_say_nothing_hold_up_nobody(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = [connect(server) for _ in range(10)]
    assert ask(f"{server.url}/healthz")[0] == 200
    monkeypatch.setattr(health_server, "CLIENT_SECONDS", 0.05)
    late = connect(server)
    assert late.recv(1) == b"", "it is let go"
    for one in (*silent, late):
        one.close()


@pytest.mark.parametrize(
    "sent", [b"\r\n", b"x" * 10_000, b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 200, b"\xff\n"]
)
def test_nonsense_is_no_request(server: HealthServer, sent: bytes) -> None:
    with connect(server) as client:
        client.sendall(sent)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert ask(f"{server.url}/healthz")[0] == 200


def test_more_clients_than_there_may_be_are_let_go(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_server, "MOST_CLIENTS", 1)
    with connect(server) as first:
        first.sendall(b"GET")
        with connect(server) as second:
            second.settimeout(30)
            with suppress(ConnectionResetError):
                assert second.recv(1) == b""
        first.sendall(b" /healthz HTTP/1.0\r\n\r\n")
        assert first.recv(15).startswith(b"HTTP/1.1 200")


def test_a_port_that_is_taken_is_an_error_at_the_start(server: HealthServer, told: Told) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(HealthError, match=rf"--health-port {port} on 127.0.0.1 cannot be used: "):
        HealthServer("127.0.0.1", port, told)
    with pytest.raises(HealthError, match="--health-port must be between 0 and 65535"):
        HealthServer("127.0.0.1", 70_000, told)
    with pytest.raises(HealthError, match=r"on 203\.0\.113\.7 cannot be used"):
        HealthServer("203.0.113.7", 0, told)


def test_a_port_that_never_answered_can_be_closed(told: Told) -> None:
    HealthServer("127.0.0.1", 0, told).close(1)


# What the documentation has people run.


@pytest.mark.skipif(os.name == "nt", reason="Windows has another find")
def test_the_lines_for_probes_tell_a_fresh_file_from_an_old_one(tmp_path: Path) -> None:
    page = (ROOT / "jobs" / "docs" / "consumers.md").read_text(encoding="utf-8")
    alive, ready = re.findall(r"^test -n .*$", page, re.MULTILINE)
    path = tmp_path / "health"

    def succeed() -> tuple[bool, bool]:
        lines = [line.replace("/tmp/jobs-health", str(path)) for line in (alive, ready)]
        codes = [subprocess.run(["/bin/sh", "-c", line], check=False).returncode for line in lines]
        return codes[0] == 0, codes[1] == 0

    assert succeed() == (False, False)
    touch(path, 0)
    assert succeed() == (True, True)
    touch(path, 600)
    assert succeed() == (True, False), "the database is away"
    touch(path, 600, round_ago=600)
    assert succeed() == (False, False)


def test_a_file_that_cannot_be_written_is_said_once_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = HealthFile(tmp_path / "health")
    full = OSError("no space left")

    def refuse(*args: object) -> None:
        raise full

    for times in (1, 2):
        with monkeypatch.context() as patched:
            patched.setattr(os, "utime", refuse)
            file.write(Times(1.0, 2.0))
            assert len(caplog.messages) == times, "at once"
            file.write(Times(1.0, 2.0))
        file.write(Times(3.0, 4.0))
        assert read_times(file.path) == Times(3.0, 4.0)
    said = f"The health file {file.path} cannot be written: no space left"
    assert caplog.messages == [said, said]


# What a program shows of it.


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path / "data", "LEASE_SECONDS": LEASE}
    return tmp_path / "data" / "tmp"


@pytest.mark.usefixtures("folder")
def test_who_asks_for_nothing_gets_nothing() -> None:
    reports = HealthReports(HealthOptions())
    assert reports.descriptors == []
    assert reports.of_processes(2) is None
    assert reports.of_consumer().why_not_ready() == "The consumer is starting."
    reports.close()


def test_one_consumer_keeps_its_file_and_answers_at_its_port(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "health"
    reports = HealthReports(HealthOptions(file=path, port=0, address="127.0.0.1"))
    server = reports._server
    assert server is not None
    assert reports.descriptors == [server.descriptor]
    url = server.url
    try:
        assert ask(f"{url}/readyz")[0] == 503
        reports.of_consumer().heartbeat()
        assert ask(f"{url}/readyz")[0] == 200
        assert path.exists()
    finally:
        reports.close()
    assert not path.exists(), "it takes no more jobs"
    with pytest.raises(urllib.error.URLError):
        ask(f"{url}/readyz")


@pytest.mark.parametrize("shown", ["file", "port"])
def test_several_processes_keep_a_file_each(folder: Path, tmp_path: Path, shown: str) -> None:
    folder.mkdir(parents=True)
    old, new, other = (folder / name for name in ("health-1-1", "health-2-1", "upload"))
    for path in (old, new, other):
        path.touch()
    days_ago = time.time() - 2 * 24 * 3600
    for path in (old, other):
        os.utime(path, (days_ago, days_ago))
    left = folder / f"health-{os.getpid()}-1"  # of a killed process that had our number
    left.touch()
    options = HealthOptions(file=tmp_path / "h") if shown == "file" else HealthOptions(port=0)
    reports = HealthReports(options)
    try:
        health = reports.of_processes(2)
        assert health is not None
        assert health.files == [left, folder / f"health-{os.getpid()}-2"]
        assert not left.exists(), "it says nothing of the next"
        assert [path.exists() for path in (old, new, other)] == [False, True, True]
        for path in health.files:
            touch(path, 0)
        health.look()
        if reports._server is None:
            assert (tmp_path / "h").exists()
        else:
            assert ask(f"{reports._server.url}/readyz")[0] == 200
    finally:
        reports.close()
    assert not any(path.exists() for path in health.files)
    reports.close()


def test_what_is_removed_meanwhile_harms_nobody(tmp_path: Path) -> None:
    health = ProcessesHealth([tmp_path / "none"], LEASE, HealthFile(tmp_path / "health"))
    health.close()
    HealthFile(tmp_path / "health").remove()


def test_a_writer_that_goes_round_writes_once_a_second(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "health"
    health = ConsumerHealth(LEASE, HealthFile(path))
    health.heartbeat()
    first = read_times(path)
    clock.now += consumer_health.FILE_SECONDS / 2
    health.went_round()
    assert read_times(path) == first
    clock.now += consumer_health.FILE_SECONDS / 2
    health.went_round()
    assert read_times(path) != first


def test_a_client_that_is_asking_is_let_go_at_the_end(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_server, "CLIENT_SECONDS", 3600)
    server = HealthServer("127.0.0.1", 0, told)
    server.start()
    with connect(server) as client:
        client.sendall(b"GET /healthz")
        assert wait_until(lambda: server._clients == 1)
        server.close(30)
        assert not server._thread.is_alive()
        assert server._loop.is_closed()
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_a_server_that_cannot_serve_does_not_keep_its_start_waiting(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = HealthServer("127.0.0.1", 0, told)
    failed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)

    async def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no more files")

    monkeypatch.setattr(asyncio, "start_server", refuse)
    server.start()
    server._thread.join(30)
    server.close(1)
    assert [one.exc_type for one in failed] == [OSError]


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_of_ipv6_is_in_brackets(told: Told) -> None:
    try:
        server = HealthServer("::1", 0, told)
    except HealthError:
        pytest.skip("no IPv6 here")
    assert server.url.startswith("http://[::1]:")
    server.close(1)


def test_an_answer_says_what_it_is_and_is_kept_by_nobody(server: HealthServer, told: Told) -> None:
    told.ready = "The consumer is stopping."
    found = {}
    for path in ("healthz", "readyz"):
        with connect(server) as client:
            client.sendall(f"GET /{path} HTTP/1.1\r\n\r\n".encode())
            answer = b"".join(iter(lambda client=client: client.recv(4096), b""))  # type: ignore[misc]
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        found[path] = (lines[0], lines[1])
        assert f"Content-Length: {len(body)}" in lines
        assert {"Cache-Control: no-store", "Connection: close"} <= set(lines)
    assert found == {
        "healthz": ("HTTP/1.1 200 OK", "Content-Type: application/json"),
        "readyz": (
            "HTTP/1.1 503 Service Unavailable",
            "Content-Type: application/problem+json",
        ),
    }
