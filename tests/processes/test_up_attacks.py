"""``manage.py up`` on an open network: strangers with patience, with many connections, with large
bodies. Each attack goes on while ordinary requests are answered."""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.cut_off import UploadClient
from tests.https_client import Browser
from tests.processes.test_up import OPEN, createtoken
from tests.subprocesses import ROOT, RunningProcess, environment
from tests.waiting import wait_until
from webapp.up.server.http_server import THREADS

pytestmark = pytest.mark.processes
SECONDS = 20.0
SEATS = THREADS // 4
"""Of the threads of the server so many may hash passwords at once."""
POST = b"POST /api/v1/uploads?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
JSON = {"Content-Type": "application/json"}
POLL = b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Site:
    """A running site, and who may use it."""

    def __init__(self, data: Path, passwords: Path, up: RunningProcess) -> None:
        self.data, self.passwords, self.up = data, passwords, up
        opened = up.wait_for(OPEN)
        self.port = int(opened[1].rpartition(":")[2])
        self.token = createtoken(data)
        self.browser = Browser("127.0.0.1", self.port)
        self.browser.get(opened[0].removeprefix("Open ").partition(str(self.port))[2])

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection and send this."""
        connection = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        connection.sendall(sent)
        return connection

    def status_of(self, sent: bytes) -> int:
        """Send this, and no more; return the status of the response, 0 for none."""
        with self.connect(sent) as connection:
            line = connection.recv(4096).split(b"\r\n")[0]
        return int(line.split()[1]) if line else 0

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request with the token."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            client.request(method, path, body and json.dumps(body), headers)
            response = client.getresponse()
            return response.status, json.loads(response.read())
        finally:
            client.close()

    def assert_useful(self) -> None:
        """Health, a page, a poll and a submission are answered."""
        submitted = {"task": "webapp.square", "args": {"n": 7}}
        for _ in range(3):
            assert self.request("GET", "/healthz")[0] == 200
            assert self.request("GET", "/api/v1/jobs")[0] == 200
            assert self.request("POST", "/api/v1/jobs", submitted)[0] == 202
            assert self.browser.get("/").status == 200

    def files(self) -> set[str]:
        """All files in the data folder but the database's."""
        found = {path.relative_to(self.data).as_posix() for path in self.data.rglob("*")}
        return {name for name in found if not name.startswith(("db.sqlite3", "locks"))}

    def open_bytes(self) -> int:
        """Bytes of the files without a name that the site has open (on Linux)."""
        folder = Path(f"/proc/{self.up.process.pid}/fd")
        if not folder.exists():
            return 0
        deleted = [one for one in folder.iterdir() if "(deleted)" in str(one.readlink())]
        return sum(one.stat().st_size for one in deleted)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("up") / "data"
    passwords = tmp_path_factory.mktemp("passwords")
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", "--processes", "0"]
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.processes.held_passwords",
        "TEST_HELD_PASSWORDS": str(passwords),
    }
    up = RunningProcess(command, env=environment(data, **settings))
    try:
        yield Site(data, passwords, up)
        assert "Traceback" not in up.output()
        up.interrupt()
        assert up.wait(20) == 0, up.output()
    finally:
        up.end()


@pytest.mark.parametrize(
    ("connections", "sent"),
    [
        pytest.param(70, POST + b"Content-Length: 1000\r\n\r\nx", id="bodies"),
        pytest.param(70, POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nx", id="chunks"),
        pytest.param(1050, b"", id="idle"),
        pytest.param(1050, POLL, id="heads"),
    ],
)
def test_connections_on_which_nothing_goes_on(site: Site, connections: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(site.connect(sent))
        site.assert_useful()


def test_responses_that_nobody_reads(site: Site) -> None:
    asked = b"GET /static/admin/js/vendor/jquery/jquery.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(70):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(SECONDS)
            connection.connect(("127.0.0.1", site.port))
            connection.sendall(20 * asked)
            assert connection.recv(12) == b"HTTP/1.1 200"
        site.assert_useful()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /api/v1/uploads?name=x", 401),
        (b"POST /api/v1/jobs", 401),
        (b"POST /api/v1/uploads/resumable", 401),
        (b"PATCH /api/v1/uploads/01a22166-935e-7000-a860-4ee508baac8c", 401),
        (b"POST /api/v1/nothing", 404),
        (b"POST /nothing", 404),
        (b"PUT /api/v1/jobs", 405),
        (b"POST /tasks/webapp.analyse_log/", 302),
        (b"POST /sign-in/", 413),
        (b"POST /jobs/bulk", 413),
        (b"POST /admin/login/", 413),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else str(value),
)
def test_bodies_that_nobody_wants_are_not_received(site: Site, head: bytes, status: int) -> None:
    """Whatever the stranger says of themselves. The response comes before the body."""
    cookies = b"Cookie: csrftoken=%b; sessionid=%b\r\n" % (b"a" * 32, b"b" * 32)
    start = head + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + cookies
    form = b"Content-Type: multipart/form-data; boundary=x\r\n"
    before, open_before = site.files(), site.open_bytes()
    for sent in (
        start + form + b"Content-Length: 200000000\r\n\r\n",
        start + form + b"Content-Length: 200000000\r\nExpect: 100-continue\r\n\r\n",
    ):
        assert site.status_of(sent) == status
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    assert site.status_of(start + form + chunks) == (411 if status == 413 else status)
    with site.connect(start + form + b"Content-Length: 200000000\r\n\r\n") as stranger:
        for _ in range(100):
            try:
                stranger.sendall(b"x" * 100_000)
            except OSError:
                break
        assert site.files() == before
        assert site.open_bytes() <= open_before


def test_a_token_and_too_large_a_body(site: Site) -> None:
    with_token = b"Authorization: Bearer " + site.token.encode() + b"\r\n"
    for length in (b"110000000", b"999999999999"):
        assert site.status_of(POST + with_token + b"Content-Length: " + length + b"\r\n\r\n") == 413


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n8000\r\n" + b"x" * 0x8000 + b"\r\nzz\r\n\r\n",
        b"Content-Length: 1000\r\n\r\nabc",
        b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000,
    ],
    ids=["chunks cut off", "chunks broken", "large chunks broken", "short", "large and short"],
)
def test_a_broken_upload_is_400_and_nothing_is_kept(site: Site, body: bytes) -> None:
    before = site.files()
    with site.connect(POST + b"Authorization: Bearer " + site.token.encode() + b"\r\n") as client:
        client.sendall(body)
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert re.match(rb"HTTP/1.1 400 ", received)
    assert b"application/problem+json" in received
    assert site.files() == before


def test_an_upload_in_chunks_and_one_that_waits_to_be_told(site: Site) -> None:
    head = POST + b"Authorization: Bearer " + site.token.encode() + b"\r\nConnection: close\r\n"
    with site.connect(head + b"Transfer-Encoding: chunked\r\n\r\n") as client:
        for _ in range(20):
            client.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 201 ")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["size"] == 20 * 0x8000
    with site.connect(head + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n") as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        assert client.recv(100).startswith(b"HTTP/1.1 201 ")


def test_an_upload_that_is_cut_off_goes_on_with_what_is_missing(site: Site) -> None:
    """The client dies in the middle of a piece: what has come of it is kept."""
    data = bytes(range(256)) * 4000
    before = site.files()
    client = UploadClient(site.port, site.token)
    path = client.create(len(data))
    client.begin_piece(path, 0, len(data), data[:600_000])
    kept = wait_until(lambda: client.offset(path), timeout=SECONDS)
    assert kept <= 600_000
    assert client.append(path, kept, data[kept:]) == "204"
    assert client.offset(path) == len(data)
    (made,) = {name for name in site.files() - before if (site.data / name).is_file()}
    assert (site.data / made).read_bytes() == data


def test_requests_that_wait_hold_up_nobody_and_each_hears_of_its_job(site: Site) -> None:
    body = {"task": "webapp.square", "args": {"n": 7}}
    with ExitStack() as stack:
        waiting = {}
        for _ in range(100):
            path = site.request("POST", "/api/v1/jobs", body)[1]["links"]["self"]
            client = http.client.HTTPConnection("127.0.0.1", site.port, timeout=SECONDS + 30)
            stack.callback(client.close)
            headers = {"Authorization": f"Bearer {site.token}", "Prefer": "wait=30"}
            client.request("GET", path, headers=headers)
            waiting[path] = client
        client = http.client.HTTPConnection("127.0.0.1", site.port, timeout=SECONDS + 30)
        stack.callback(client.close)
        client.request("POST", "/api/v1/jobs", json.dumps(body), {**headers, **JSON})
        site.assert_useful()
        for path in waiting:
            site.request("POST", f"{path}/cancel")
        for path, one in waiting.items():
            response = one.getresponse()
            assert response.headers["Preference-Applied"] == "wait=30"
            job = json.loads(response.read())
            assert (job["links"]["self"], job["status"]) == (path, "cancelled")
        newest = site.request("GET", "/api/v1/jobs?limit=100")[1]["items"]
        # The one that waits for its own submission: the last but those of assert_useful.
        site.request("POST", f"{newest[3]['links']['self']}/cancel")
        response = client.getresponse()
        assert (response.status, json.loads(response.read())["id"]) == (200, newest[3]["id"])


def test_event_streams_hold_up_nobody_and_each_has_what_ends(site: Site) -> None:
    job = site.request("POST", "/api/v1/jobs", {"task": "webapp.square", "args": {"n": 7}})[1]
    newest = site.request("GET", "/api/v1/results?limit=1000")[1]["next"]
    paths = [f"/api/v1/results?after={newest}"] * 3 * THREADS + [job["links"]["self"]]
    with ExitStack() as stack:
        streams = []
        for path in paths:
            client = http.client.HTTPConnection("127.0.0.1", site.port, timeout=SECONDS)
            stack.callback(client.close)
            headers = {"Authorization": f"Bearer {site.token}", "Accept": "text/event-stream"}
            client.request("GET", path, headers=headers)
            streams.append(client.getresponse())
            assert streams[-1].status == 200
        first = event_of(streams[-1])
        assert (first["id"], first["status"]) == (job["id"], "queued")
        site.assert_useful()
        waiting = http.client.HTTPConnection("127.0.0.1", site.port, timeout=SECONDS + 30)
        stack.callback(waiting.close)
        headers = {"Authorization": f"Bearer {site.token}", "Prefer": "wait=30"}
        waiting.request("GET", paths[0], headers=headers)
        site.assert_useful()
        site.request("POST", job["links"]["cancel"])
        for stream in streams:
            event = event_of(stream)
            assert (event["id"], event["status"]) == (job["id"], "cancelled")
        response = waiting.getresponse()
        assert response.headers["Preference-Applied"] == "wait=30"
        assert [one["id"] for one in json.loads(response.read())["items"]] == [job["id"]]
        assert streams[-1].read() == b"\n"  # it ends with its job


def event_of(stream: http.client.HTTPResponse) -> Any:
    """Read the data of the next event."""
    lines = iter(stream.readline, b"")
    data = next(line for line in lines if line.startswith(b"data: "))
    return json.loads(data.removeprefix(b"data: "))


def test_the_threads_of_the_site_stay_the_same(site: Site) -> None:
    folder = Path(f"/proc/{site.up.process.pid}/task")
    if not folder.exists():
        pytest.skip("the threads of a process are counted on Linux")
    before = len(list(folder.iterdir()))
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(site.connect(POST + b"Content-Length: 1000\r\n\r\nx"))
        site.assert_useful()
        wait_until(lambda: len(list(folder.iterdir())) <= before, what="no thread was started")


def test_24_who_sign_in_at_once_keep_nobody_else_waiting(site: Site) -> None:
    """With Django's hash they take 13 s; here they take until the others have been answered."""
    people = [Browser("127.0.0.1", site.port) for _ in range(24)]
    pages = [browser.get("/sign-in/") for browser in people]
    hold = site.passwords / "hold"
    hold.touch()

    def sign_in(number: int) -> int:
        form = {"username": f"ada{number}", "password": "wrong"}
        return people[number].post_form("/sign-in/", pages[number], **form).status

    with ThreadPoolExecutor(24) as threads:
        answers = [threads.submit(sign_in, number) for number in range(24)]
        try:
            refused = islice(as_completed(answers, 3 * SECONDS), 24 - 2 * SEATS)
            assert {one.result() for one in refused} == {503}
            site.assert_useful()
            assert len(list(site.passwords.glob("hashing-*"))) == SEATS
        finally:
            hold.unlink()
        found = Counter(one.result(SECONDS) for one in answers)
    assert set(found) == {200, 503}
    assert SEATS <= found[200] <= 2 * SEATS
