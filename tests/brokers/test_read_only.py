"""A database that is up and takes no writes: a demoted primary, a read-only file, revoked rights.

Nothing is our fault (500), nothing is lost, what only reads works, and all goes on in the same
processes when it can be written again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from jobs.core.uuid7 import uuid7
from jobs.errors import Unavailable
from jobs.models import Consumer, Job, QuarantinedMessage, Token, Upload
from jobs.queries import database_health
from tests.brokers.emptying import alone_with, empty_broker
from tests.brokers.lockouts import Lockout, lockout
from tests.brokers.servers import address
from tests.consumers import Consumers, wait_finished
from tests.factories import make_job, make_user
from tests.integration.api_client import JOBS, Api
from tests.testapp import tasks
from tests.waiting import wait_until
from webapp.tasks.square import square

POSTGRES = [
    pytest.param(way, marks=pytest.mark.postgres) for way in ("demoted", "read-only", "revoked")
]


@pytest.fixture
def locked(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any, tmp_path: Path
) -> Iterator[Lockout]:
    """The test's database, which ``begin`` makes take no writes."""
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path / "var"}
    database_health._health.forget()
    with lockout(request.param, request) as way:
        _empty()  # tests of this process share the server's database
        yield way
        way.end()
        connection.close()
        _empty()


def _empty() -> None:
    for model in (Upload, Job, Consumer, QuarantinedMessage, Token, User):
        model._default_manager.all().delete()


@pytest.mark.parametrize("locked", ["sqlite", *POSTGRES], indirect=True)
def test_the_site_takes_nothing_and_goes_on_afterwards(
    locked: Lockout, settings: Any, tmp_path: Path
) -> None:
    ada = make_user(password="long-enough-7")
    job = make_job(owner=ada)
    api, page = Api(ada), Client(raise_request_exception=False)
    browser = Client(raise_request_exception=False)
    page.force_login(ada)
    Token.objects.update(last_used_at=None)  # a poll would note that it is in use
    assert api.get("/readyz").status_code == 200
    database_health._health.forget()

    locked.begin()

    for response in (
        api.submit("webapp.square", args={"n": 7}),
        api.post("/api/v1/uploads?name=a", b"x", content_type="text/plain"),
        api.post(f"{JOBS}/{job.pk}/cancel"),
        page.post("/tasks/webapp.square/", {"n": "4711"}),
        browser.post("/sign-in/", {"username": ada.username, "password": "long-enough-7"}),
        page.post("/sign-out/"),
    ):
        assert response.status_code == 503, response.content
        assert response.headers["Retry-After"] == locked.retry_after
    assert api.submit("webapp.square", args={"n": 7}).json()["detail"] == (
        "The database takes no writes now. Nothing was recorded. Try again in 10 s."
    )
    typed = page.post("/tasks/webapp.square/", {"n": "4711"}).content.decode()
    assert "4711" in typed
    assert "The database takes no writes now." in typed
    with pytest.raises(Unavailable, match="takes no writes now"):
        square.enqueue(7)
    assert not [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    ready = api.get("/readyz")
    assert ready.status_code == 503
    assert locked.words in ready.json()["detail"]
    assert api.get(f"{JOBS}/{job.pk}").json()["status"] == "queued"
    assert page.get(f"/jobs/{job.pk}/").status_code == 200
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=out)
    assert locked.words in out.getvalue()

    locked.end()

    database_health._health.forget()
    assert api.submit("webapp.square", args={"n": 8}).status_code == 202
    assert api.get("/readyz").status_code == 200
    assert Job.objects.count() == 2


@pytest.mark.processes
@pytest.mark.redis
@pytest.mark.parametrize("locked", POSTGRES, indirect=True)
def test_a_consumer_keeps_messages_and_goes_on_afterwards(locked: Lockout, tmp_path: Path) -> None:
    with alone_with(address("redis")):
        _keep_messages(locked, tmp_path, address("redis"))


def _keep_messages(locked: Lockout, tmp_path: Path, url: str) -> None:
    import redis

    empty_broker(url)
    make_user("ada")
    consumers = Consumers(tmp_path, JOBS_BROKER_URL=url, JOBS_FOREIGN_OWNER="ada")
    try:
        consumer = consumers.start()
        go = tmp_path / "go"
        held = tasks.hold.enqueue(path=str(go))
        wait_until(lambda: Job.objects.filter(pk=held.id, status="running").exists())
        ids = [str(uuid7()) for _ in range(3)]

        locked.begin()
        go.touch()
        with redis.Redis.from_url(url) as client:
            for n, job_id in enumerate(ids):
                body = f'{{"job_id": "{job_id}", "task": "testapp.square", "args": {{"n": {n}}}}}'
                client.xadd("jobs.default", {"body": body})
            wait_until(lambda: any("must wait" in line for line in consumer.log))
            wait_until(lambda: any("cannot be written" in line for line in consumer.log))
            locked.end()
            connection.close()

            assert [wait_finished(one).result for one in ids] == [0, 1, 4]
            assert wait_finished(held.id).attempt == 1
            wait_until(lambda: client.xlen("jobs.default") == 0)
        assert not QuarantinedMessage.objects.exists()
        wait_until(lambda: any("recorded again" in line for line in consumer.log))
        said = "".join(consumer.log)
        for once in ("must wait", "cannot be written", "recorded again", "database is back"):
            assert said.count(once) == 1, said
        assert "Traceback" not in said
        assert "quarantined" not in said
        assert consumer.stop() == 0
    finally:
        consumers.end_all()
