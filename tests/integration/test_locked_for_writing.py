"""SQLite while somebody else holds its write lock: who only reads goes on."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from itertools import islice
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from jobs.core import write_waits
from jobs.core.server_threads import THREADS
from jobs.models import Job, Token
from tests.integration.api_tasks import ADD

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has many writers"),
]
EIGHT: Final = 8
SERVER: Final[dict[str, Any]] = {"wsgi.multithread": True, THREADS: EIGHT}
SECONDS: Final = 30.0


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_waits, "_waits", write_waits._Waits())
    monkeypatch.setattr(write_waits, "IMPATIENT_SECONDS", 0.2)
    monkeypatch.setattr("jobs.lifecycle.group_commit.IMPATIENT_SECONDS", 0.2)


@pytest.fixture
def somebody() -> Iterator[sqlite3.Connection]:
    """Another process's connection, which holds the lock until it rolls back."""
    path = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        if other.in_transaction:
            other.execute("ROLLBACK")


class Server:
    """Eight threads, as ``up`` has them, each with its connection."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(EIGHT)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        ended = [self._pool.submit(connections.close_all) for _ in range(EIGHT)]
        wait(ended, SECONDS)
        self._pool.shutdown()

    def send(self, client: Client, method: str, path: str, **more: Any) -> Future[Any]:
        return self._pool.submit(getattr(client, method), path, **more, **SERVER)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


@pytest.fixture
def token(ada: User, api_tasks: None, jobs_setting: Any) -> str:
    row, text = Token.objects.issue(ada)
    Token.objects.filter(pk=row.pk).update(last_used_at=timezone.now())
    return text


def submit(server: Server, token: str, number: int) -> Future[Any]:
    client = Client(headers={"Authorization": f"Bearer {token}"})
    body = json.dumps({"task": ADD, "args": {"n": number}})
    return server.send(client, "post", "/api/v1/jobs", data=body, content_type="application/json")


def test_eight_waiting_submissions_do_not_keep_readers_waiting(
    token: str, server: Server, somebody: sqlite3.Connection
) -> None:
    sent = [submit(server, token, number) for number in range(EIGHT)]
    refused = [one.result() for one in islice(as_completed(sent, SECONDS), EIGHT - 2)]
    assert {one.status_code for one in refused} == {503}
    assert {one.headers["Retry-After"] for one in refused} == {"2"}
    assert {one.headers["Content-Type"] for one in refused} == {"application/problem+json"}
    # From now on nobody beyond the two waits at all.
    more = [submit(server, token, number).result(SECONDS) for number in range(20)]
    assert {(one.status_code, one.headers["Content-Type"]) for one in more} == {
        (503, "application/problem+json")
    }
    read = server.send(
        Client(), "get", "/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}
    )
    assert read.result(SECONDS).status_code == 200
    assert not wait([one for one in sent if not one.done()], 0, FIRST_COMPLETED).done
    somebody.execute("ROLLBACK")
    assert sorted(one.result(SECONDS).status_code for one in sent) == [202] * 2 + [503] * 6
    assert Job.objects.count() == 2
    # And all goes on as before.
    after = [submit(server, token, number) for number in range(EIGHT)]
    assert [one.result(SECONDS).status_code for one in after] == [202] * EIGHT


@pytest.mark.parametrize("what", ["cancel", "upload", "form", "admin"])
def test_other_writers_do_neither(
    what: str, chief: User, token: str, server: Server, somebody: sqlite3.Connection
) -> None:
    somebody.execute("ROLLBACK")
    User.objects.create_superuser("root", password="long-enough-7")
    jobs = [submit(server, token, number).result().json()["id"] for number in range(EIGHT)]
    browsers = [Client() for _ in jobs]
    for browser in browsers:
        browser.force_login(User.objects.get(username="root"))
    programs = [Client(headers={"Authorization": f"Bearer {token}"}) for _ in jobs]
    somebody.execute("BEGIN IMMEDIATE")
    sent = []
    for job, browser, program in zip(jobs, browsers, programs, strict=True):
        match what:
            case "cancel":
                sent.append(server.send(program, "post", f"/api/v1/jobs/{job}/cancel"))
            case "upload":
                sent.append(
                    server.send(
                        program,
                        "post",
                        "/api/v1/uploads?name=x",
                        data=b"x",
                        content_type="application/octet-stream",
                    )
                )
            case "form":
                sent.append(server.send(browser, "post", f"/jobs/{job}/cancel"))
            case "admin":
                form = {"name": "one"}
                sent.append(server.send(browser, "post", "/admin/jobs/token/add/", data=form))
    answered = [one.result() for one in islice(as_completed(sent, SECONDS), EIGHT - 2)]
    read = server.send(browsers[0], "get", "/jobs/").result(SECONDS)
    still = [one for one in sent if not one.done()]
    somebody.execute("ROLLBACK")
    assert read.status_code == 200
    assert len(still) == 2
    assert {one.status_code for one in answered} <= {503, 302, 303}
    for one in still:
        one.result(SECONDS)


def test_a_token_that_is_seldom_used_reads_at_once(
    token: str, server: Server, somebody: sqlite3.Connection
) -> None:
    somebody.execute("ROLLBACK")
    Token.objects.update(last_used_at=None)
    somebody.execute("BEGIN IMMEDIATE")
    read = server.send(
        Client(), "get", "/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        assert read.result(5).status_code == 200  # SQLite's own wait is of 10 s
    finally:
        somebody.execute("ROLLBACK")


def test_who_serves_no_request_waits_as_before(
    ada: User, api_tasks: None, jobs_setting: Any, somebody: sqlite3.Connection
) -> None:
    def from_the_shell(number: int) -> None:
        try:
            call_command("submit", ADD, f"n={number}", stdout=io.StringIO())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(EIGHT) as pool:
        sent = [pool.submit(from_the_shell, number) for number in range(EIGHT)]
        assert not wait(sent, 1.0, FIRST_COMPLETED).done
        somebody.execute("ROLLBACK")
        for one in sent:
            one.result(SECONDS)
    assert Job.objects.count() == EIGHT
