"""``jobs.client`` against the API: httpx calls the site in this process, without a socket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone

from jobs import InputFile, JobContext, client, job
from jobs.client import Desk, Job, uploads
from jobs.core.states import Status
from jobs.lifecycle import room
from jobs.models import Job as Row
from jobs.models import Token, Upload
from jobs.submission import backlog
from jobs.testing import drain

pytestmark = pytest.mark.django_db

MAKE = "tests.make_files"
ARGS = [{"n": 1}]


@pytest.fixture(autouse=True)
def tasks(api_tasks: None, jobs_setting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known yet of how full the queues are."""
    monkeypatch.setattr(backlog, "_known", {})

    @job(name=MAKE, max_attempts=1)
    def make_files(context: JobContext, log: InputFile, name: str = "copy of it.bin") -> str:
        "Copy a file, and talk."
        context.log("grüße\n" * 20_000)
        data = log.path.read_bytes()
        context.save_artifact(name, data)
        return "x" * 70_000


class Transport(httpx.WSGITransport):
    """Calls the site, and consumers before the feed is read; loses some of the answers."""

    def __init__(self) -> None:
        super().__init__(app=get_wsgi_application())
        self.lose: Callable[[httpx.Request], bool] = lambda request: False
        self.sent: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(f"{request.method} {request.url.path.removeprefix('/api/v1/')}")
        if request.url.path.endswith("/results"):
            drain()
        response = super().handle_request(request)
        if self.lose(request):
            response.close()
            raise httpx.ReadError("The answer was lost")
        return response

    def lose_first(self, method: str, path: str) -> None:
        """Lose the first answer to such a request."""
        left = [True]

        def lose(request: httpx.Request) -> bool:
            is_it = request.method == method and request.url.path.endswith(path)
            return is_it and bool(left) and left.pop()

        self.lose = lose


@pytest.fixture
def transport() -> Iterator[Transport]:
    """The site in the transaction of the test: as Django's own client has it."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield Transport()
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def open_desk(transport: Transport) -> Iterator[Callable[..., Desk]]:
    made: list[httpx.Client] = []

    def opened(user: User) -> Desk:
        made.append(httpx.Client(transport=transport))
        return Desk("http://localhost", Token.objects.issue(user)[1], http=made[-1])

    yield opened
    for one in made:
        one.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk], ada: User) -> Desk:
    return open_desk(ada)


def add(desk: Desk, n: int = 7, **options: Any) -> Job:
    return desk.using(**options).submit("tests.add_numbers", n=n)


def test_a_job_from_its_submission_to_its_result(desk: Desk) -> None:
    submitted = add(desk, 48)
    assert (submitted.status, submitted.args) == ("queued", {"n": 48, "m": 1})
    with pytest.raises(client.TimedOut):
        submitted.result(timeout=0)
    drain()
    assert submitted.result(timeout=30) == 49
    assert submitted.status == "succeeded"
    assert submitted.finished_at is not None
    assert submitted.finished_at >= submitted.created_at  # type: ignore[operator]
    assert desk.job(submitted.id).data == submitted.data


def test_options(desk: Desk) -> None:
    later = timezone.now() + timedelta(hours=1)
    first = add(desk, priority=-7, queue="default", run_after=later, unique_key="k")
    assert (first.status, first.priority, first.run_after) == ("scheduled", -7, later)
    assert add(desk, 8, unique_key="k") == first, "an unfinished job has the key"
    one = add(desk, idempotency_key="order-17")
    assert add(desk, idempotency_key="order-17") == one
    with pytest.raises(client.Conflict) as caught:
        add(desk, 8, idempotency_key="order-17")
    assert caught.value.kind == "idempotency-conflict"


def test_what_is_refused(desk: Desk, open_desk: Callable[..., Desk], bob: User) -> None:
    with pytest.raises(client.Invalid) as invalid:
        add(desk, -1)
    assert list(invalid.value.errors) == ["/args/n"]
    with pytest.raises(client.Invalid, match="/priority"):
        add(desk, priority=1000)
    with pytest.raises(client.NotFound) as missing:
        desk.submit("tests.add_number", n=7)
    assert missing.value.nearest[0] == "tests.add_numbers"
    with pytest.raises(client.Forbidden):
        desk.submit("tests.staff_only")
    with pytest.raises(client.NotFound):
        open_desk(bob).job(add(desk).id)
    with pytest.raises(client.NotFound):
        desk.job("../tasks")
    with pytest.raises(client.Invalid, match="/after"):
        next(desk.follow(after="made up"))
    with pytest.raises(client.Problem, match="405"):
        desk.request("DELETE", "jobs")
    Token.objects.all().delete()
    with pytest.raises(client.NotAuthenticated):
        desk.tasks()


def test_cancel_and_retry(desk: Desk) -> None:
    one = add(desk)
    assert one.cancel().status == "cancelled"
    with pytest.raises(client.JobCancelled):
        one.result()
    assert one.retry().status == "queued"
    drain()
    assert one.result() == 8
    with pytest.raises(client.Conflict):
        one.cancel()
    with pytest.raises(client.Conflict):
        one.retry()


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("POST", "/jobs", lambda desk, one: add(desk)),
        (
            "POST",
            "/bulk",
            lambda desk, one: list(desk.submit_many("tests.add_numbers", ARGS)),
        ),
        ("POST", "/cancel", lambda desk, one: one.cancel()),
    ],
)
def test_what_is_lost_is_sent_again_and_done_once(
    desk: Desk, transport: Transport, method: str, path: str, call: Any
) -> None:
    one = add(desk)
    call(desk, one)
    count = Row.objects.count()
    transport.sent.clear()
    transport.lose_first(method, path)
    call(desk, one)
    assert len(transport.sent) == 2
    assert Row.objects.count() == 2 * count - 1


def test_a_retry_whose_answer_is_lost_runs_once(desk: Desk, transport: Transport) -> None:
    one = add(desk).cancel()
    transport.lose_first("POST", "/retry")
    assert one.retry().status == "queued"
    assert [sent.split()[0] for sent in transport.sent[-3:]] == ["GET", "POST", "GET"]


def test_files(
    desk: Desk, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "Größe.log"
    path.write_bytes(bytes(range(256)) * 10)
    monkeypatch.setattr(uploads, "PIECE", 1000)
    for method, lost in (("", ""), ("POST", "/uploads/resumable"), ("PATCH", "")):
        transport.lose_first(method, lost)
        made = desk.submit(MAKE, log=path)
        drain()
        assert made.result() == "x" * 70_000
        assert {one.name for one in made.artifacts} == {"copy of it.bin", "result.json"}
        to = made.download("copy of it.bin", tmp_path)
        assert to.read_bytes() == path.read_bytes()
        assert made.read_artifact("copy of it.bin") == path.read_bytes()
        assert made.log().count(" grüße\n") == 20_000
    small = tmp_path / "small.log"
    small.write_bytes(b"data")
    transport.lose = lambda request: False
    with small.open("rb") as file:
        assert desk.submit("tests.read_file", log=file, more=[small]).args["log"]
    assert desk.upload(str(small), name="other")["name"] == "other"
    assert {one.name for one in Upload.objects.all()} == {"Größe.log", "small.log", "other"}


def test_map_follow_and_lists(desk: Desk, transport: Transport) -> None:
    numbers = [{"n": n} for n in range(30)]
    transport.lose_first("POST", "/bulk")
    add(desk, 99)
    results = desk.map("tests.add_numbers", numbers, window=12)
    assert list(results) == list(range(1, 31))
    assert Row.objects.count() == 31
    found = list(desk.results())
    assert found[0].data["result"] == 100
    assert len(found) == 31
    rest = list(desk.results(found[20].cursor, "tests.add_numbers"))
    assert rest == found[21:]
    assert list(desk.results("latest")) == []
    following = desk.follow(found[29].cursor)
    assert next(following) == found[30]
    listed = list(desk.jobs(status=["succeeded", "failed"], limit=10))
    assert [one.id for one in listed] == sorted((one.id for one in found), reverse=True)


def test_map_in_the_place_of_a_line_that_is_refused(desk: Desk) -> None:
    numbers = [{"n": 1}, {"n": -1}, {"n": 2}]
    found = list(desk.map("tests.add_numbers", numbers, return_exceptions=True))
    assert isinstance(found[1], client.Invalid)
    assert (found[0], found[2]) == (2, 3)
    jobs = list(desk.submit_many("tests.add_numbers", numbers))
    assert [type(one) for one in jobs] == [Job, client.Invalid, Job]
    with pytest.raises(client.NotFound, match=r"Nearest: tests\.add_numbers"):
        list(desk.map("tests.add_number", numbers))


def test_map_waits_for_room(
    desk: Desk, jobs_setting: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    jobs_setting(MAX_BACKLOG=4)
    most: list[int] = []

    def numbers() -> Iterator[dict[str, int]]:
        for n in range(7):
            most.append(room.waiting_jobs("default", 100))
            yield {"n": n}

    with caplog.at_level(logging.WARNING, "jobs.client"):
        assert list(desk.map("tests.add_numbers", numbers())) == list(range(1, 8))
    assert max(most) <= 4
    assert Row.objects.filter(status=Status.SUCCEEDED).count() == 7
    assert caplog.records == []


def test_tasks_and_other_requests(desk: Desk) -> None:
    by_name = {one.name: one for one in desk.tasks()}
    assert by_name["tests.add_numbers"].schema["required"] == ["n"]
    assert not by_name["tests.staff_only"].allowed
    assert desk.request("GET", "queues")["items"][0]["name"]
    with pytest.raises(client.Invalid, match="no query parameter"):
        desk.request("GET", "queues", nme="x")
