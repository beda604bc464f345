"""``manage.py up`` as it really runs: started, used, interrupted and killed."""

from __future__ import annotations

import http.cookiejar
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobs.client import Desk, Problem
from tests.opened import open_url
from tests.subprocesses import ROOT, RunningProcess, environment, living_consumers
from tests.waiting import wait_until

pytestmark = pytest.mark.processes
OPEN = r"^Open (http://\S+)/sign-in/\?token=(\S+)$"
Start = Callable[..., RunningProcess]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    """Where it is started: anywhere but in its own folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def start(data: Path, cwd: Path) -> Iterator[Start]:
    """Start ``up`` on a free port; whatever still runs is killed in the end."""
    started: list[RunningProcess] = []

    def starter(*arguments: str, folder: Path = data, **more: str) -> RunningProcess:
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", *arguments]
        started.append(RunningProcess(command, env=environment(folder, **more), cwd=cwd))
        return started[-1]

    yield starter
    for running in started:
        running.end()


def browse(url: str) -> tuple[str, str]:
    """Open a page as a new browser would; return where it led and what it shows."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    with open_url(url, opener=urllib.request.build_opener(jar)) as page:
        return page.url, page.read().decode()


def consumer_pids(data: Path) -> list[int]:
    connection = sqlite3.connect(data / "db.sqlite3", timeout=10)
    try:
        rows = connection.execute("SELECT pid FROM jobs_consumer WHERE dead_at IS NULL")
        return [pid for (pid,) in rows]
    finally:
        connection.close()


def test_it_makes_all_it_needs_signs_in_once_and_stops(start: Start, data: Path) -> None:
    up = start()
    link = up.wait_for(OPEN)
    up.wait_for(r"Made the user admin with the password \S{12,} ")
    url, page = browse(link[0].removeprefix("Open "))
    assert url == f"{link[1]}/"
    assert "admin" in page
    url, page = browse(link[0].removeprefix("Open "))
    assert "/sign-in/" in url
    assert "used already" in page
    assert len(living_consumers(data)) == 1

    up.interrupt()
    assert up.wait(20) == 0, up.output()
    assert living_consumers(data) == []
    assert "Traceback" not in up.output()


def test_a_second_start_is_short_and_its_secret_the_same(start: Start, data: Path) -> None:
    first = start("--processes", "0")
    first.wait_for(OPEN)
    secret = (data / "secret").read_text(encoding="utf-8")
    if os.name != "nt":
        assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
    first.interrupt()
    assert first.wait(20) == 0
    second = start("--processes", "0")
    link = second.wait_for(OPEN)
    assert "password" not in second.output()
    assert (data / "secret").read_text(encoding="utf-8") == secret
    assert browse(link[0].removeprefix("Open "))[0] == f"{link[1]}/"


def test_without_processes_no_consumer_runs(start: Start, data: Path) -> None:
    start("--processes", "0").wait_for(OPEN)
    assert living_consumers(data) == []


def test_several_processes_are_ready_before_the_link_is_printed(start: Start, data: Path) -> None:
    up = start("--processes", "2")
    up.wait_for(OPEN)
    assert len([line for line in up.lines if " ready:" in line]) == 2
    assert len(living_consumers(data)) == 2
    up.interrupt()
    assert up.wait(20) == 0, up.output()
    assert "Fatal" not in up.output()


def test_a_consumer_that_dies_is_replaced(start: Start, data: Path) -> None:
    up = start()
    up.wait_for(OPEN)
    (pid,) = consumer_pids(data)
    os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    up.wait_for(r"The consumers ended \(.+\)\. They start again in ")
    up.wait_for(r" ready:", times=2)
    wait_until(lambda: len(living_consumers(data)) == 1, what="one consumer lives")
    assert pid not in consumer_pids(data) or len(consumer_pids(data)) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that is open")
def test_a_database_that_is_replaced_while_it_runs(start: Start, data: Path) -> None:
    up = start()
    site = up.wait_for(OPEN)[1]
    token = createtoken(data)
    replace_database(data)
    assert submit(site, token) == 503
    up.wait_for(r"The database was replaced or deleted while it was in use\.")
    up.wait_for(r" ready:", times=2)  # another consumer, on the new file
    assert submit(site, token) == 503, "the site still has the old file"
    up.interrupt()
    assert up.wait() == 0
    again = start()
    assert submit(again.wait_for(OPEN)[1], token) == 202
    again.wait_for(r"webapp\.square \S+: done")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody write to a file that is open")
def test_a_backup_that_is_copied_into_the_file_while_it_runs(start: Start, data: Path) -> None:
    """Not even the inode is another one. Nobody asks for /readyz here."""
    up = start()
    site = up.wait_for(OPEN)[1]
    token = createtoken(data)
    backup = data / "backup"
    back_up(data, backup)
    with closing(sqlite3.connect(backup)) as db:  # it is of a site that was made at another time
        db.execute("UPDATE django_migrations SET applied = '2001-01-01 00:00:00'")
        db.commit()
    assert submit(site, token) == 202
    up.wait_for(r"webapp\.square \S+: done")
    with closing(sqlite3.connect(data / "db.sqlite3")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(backup, data / "db.sqlite3")
    up.wait_for(r"The database was replaced or deleted while it was in use\.")
    wait_until(lambda: submit(site, token) == 503, what="the site has noticed it")


def createtoken(data: Path) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), "createtoken", "admin"]
    made = subprocess.run(
        command, env=environment(data), check=True, capture_output=True, text=True, timeout=60
    )
    return made.stdout.strip()


def replace_database(data: Path) -> None:
    """Put a copy in its place, as someone does who restores a backup."""
    copy, file = data / "copy", data / "db.sqlite3"
    back_up(data, copy)
    for name in ("db.sqlite3-wal", "db.sqlite3-shm"):
        (data / name).unlink(missing_ok=True)
    copy.replace(file)


def back_up(data: Path, copy: Path) -> None:
    """Copy the database while it is in use."""
    file = data / "db.sqlite3"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def submit(site: str, token: str) -> int:
    """Submit a job; return the status."""
    with Desk(site, token, retry_for=0) as desk:
        try:
            desk.submit("webapp.square", n=7)
        except Problem as error:
            return error.status
        return 202


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_consumers_do_not_outlive_a_killed_parent(
    start: Start, data: Path, processes: str
) -> None:
    up = start("--processes", processes)
    up.wait_for(OPEN)
    assert len(living_consumers(data)) == int(processes)
    up.process.kill()
    wait_until(lambda: not living_consumers(data), what="no consumer lives")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be caught")
def test_sigterm_stops_it_too(start: Start, data: Path) -> None:
    up = start()
    up.wait_for(OPEN)
    up.process.send_signal(signal.SIGTERM)
    assert up.wait(20) == 0, up.output()
    assert living_consumers(data) == []


def test_a_request_that_takes_long_does_not_hold_up_the_end(start: Start) -> None:
    up = start("--processes", "0")
    host, _, port = up.wait_for(OPEN)[1].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as held:
        held.sendall(b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        up.interrupt()
        assert up.wait(20) == 0, up.output()


def test_a_taken_port_is_one_sentence(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = start("--port", str(port))
        assert up.wait() == 1
    assert up.output() == (
        f"Port {port} on 127.0.0.1 is taken, perhaps by another `up`. Stop that one, or choose "
        f"another port: `python manage.py up --port {port + 1}`."
    )


def test_a_second_up_on_the_same_port_is_refused_and_harms_nothing(start: Start) -> None:
    first = start("--processes", "0")
    link = first.wait_for(OPEN)
    second = start("--processes", "0", "--port", link[1].rpartition(":")[2])
    assert second.wait() == 1
    assert "is taken" in second.output()
    assert browse(link[0].removeprefix("Open "))[0] == f"{link[1]}/"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "--port must be between 0 and 65535, not 70000."),
        (["--processes", "-1"], "--processes must be 0 or more."),
        (["--host", "203.0.113.7"], "--host 203.0.113.7 is not an address of this machine"),
    ],
)
def test_a_wrong_option_is_one_sentence(start: Start, arguments: list[str], said: str) -> None:
    up = start(*arguments)
    assert up.wait() == 1
    assert up.output().startswith(said)
    assert len(up.lines) == 1


def test_a_data_folder_that_cannot_be_written_is_one_sentence(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    up = start(folder=tmp_path / "file" / "data")
    assert up.wait() == 1
    assert up.output().startswith(f"The data folder {tmp_path / 'file' / 'data'} can't be written")
    assert up.output().endswith("Make it writable, or name another one in JOBS_DATA_DIR.")
    assert len(up.lines) == 1


def test_a_database_newer_than_the_code_is_one_sentence(start: Start, data: Path) -> None:
    first = start("--processes", "0")
    first.wait_for(OPEN)
    first.interrupt()
    first.wait(20)
    connection = sqlite3.connect(data / "db.sqlite3")
    connection.execute(
        "INSERT INTO django_migrations (app, name, applied) "
        "VALUES ('jobs', '9999_from_the_future', '2040-01-01')"
    )
    connection.commit()
    connection.close()
    second = start("--processes", "0")
    assert second.wait() == 1
    assert second.output().startswith(
        "The database is newer than this code: it has jobs.9999_from_the_future."
    )
    assert len(second.lines) == 1


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("nonsense", 1, "DATABASE_URL starts with 'nonsense'"),
        ("sqlite:////no/such/folder/db", 69, "can't be used: unable to open database file"),
        ("postgres://127.0.0.1:1/desk", 69, "The database desk at 127.0.0.1 can't be used"),
    ],
)
def test_a_broken_database_url_is_said_without_a_traceback(
    start: Start, url: str, code: int, said: str
) -> None:
    if url.startswith("postgres"):
        pytest.importorskip("psycopg")
    up = start(DATABASE_URL=url)
    assert up.wait() == code
    assert said in up.output()
    assert "Traceback" not in up.output()
    assert len(up.lines) == 1


def test_every_host_is_answered_when_all_addresses_are_served(start: Start) -> None:
    up = start("--host", "0.0.0.0", "--processes", "0")
    link = up.wait_for(OPEN)
    up.wait_for("Set ALLOWED_HOSTS to the names you use")
    request = urllib.request.Request(f"{link[1]}/sign-in/", headers={"Host": "testapp.example"})
    with open_url(request) as page:
        assert page.status == 200


def test_it_writes_in_its_data_folder_alone(
    start: Start, data: Path, cwd: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    up = start(TMPDIR=str(temporary), HOME=str(cwd))
    up.wait_for(OPEN)
    up.interrupt()
    assert up.wait(20) == 0, up.output()
    assert {path.name for path in data.iterdir()} >= {"db.sqlite3", "locks", "secret", "tmp"}
    assert [*cwd.rglob("*"), *temporary.rglob("*")] == []
