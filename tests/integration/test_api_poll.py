"""GET /jobs/{id}: the entity tag, 304, and waiting."""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from jobs import lifecycle
from jobs.api import long_poll
from jobs.api.long_poll import wait_preference
from jobs.core import server_threads
from jobs.core.held_requests import HELD, HOLD
from jobs.core.states import Status
from jobs.models import Artifact, Job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD


@pytest.fixture
def job(api: Api) -> Job:
    return Job.objects.get(pk=api.submit(ADD, args={"n": 7}).json()["id"])


def at(job: Job) -> str:
    return f"{JOBS}/{job.pk}"


def test_a_waiting_job(api: Api, job: Job) -> None:
    response = api.get(at(job))
    assert response.status_code == 200
    assert response.headers["ETag"] == job.etag
    assert not response.headers["ETag"].startswith("W/")
    assert response.headers["Retry-After"] == "1"
    assert response.json()["progress"] is None
    assert response.json()["error"] is None


def test_a_finished_job(api: Api, job: Job) -> None:
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(
        status=Status.FAILED,
        error_type="builtins.ValueError",
        error_message="no",
        started_at=now - timedelta(seconds=2),
        finished_at=now,
        attempt=3,
        failures=3,
        progress_done=1,
        progress_total=3,
        progress_message="a third",
        result=None,
    )
    Artifact.objects.create(job=job, attempt=3, name="a b/ü.txt", size=3, file="x")
    response = api.get(at(job))
    shown = response.json()
    assert "Retry-After" not in response.headers
    assert shown["error"] == {"type": "builtins.ValueError", "message": "no"}
    assert shown["progress"] == {
        "done": 1,
        "total": 3,
        "percent": 33.3,
        "message": "a third",
        "stage": None,
    }
    assert shown["warnings"] == []
    assert (shown["attempt"], shown["failures"]) == (3, 3)
    assert shown["artifacts"] == [
        {"name": "a b/ü.txt", "size": 3, "url": f"{at(job)}/artifacts/a%20b%2F%C3%BC.txt"}
    ]


@pytest.mark.parametrize("done", [float("inf"), float("-inf"), 1e308])
def test_progress_that_is_no_number_is_still_json(api: Api, job: Job, done: float) -> None:
    Job.objects.filter(pk=job.pk).update(progress_done=done, progress_total=2)
    assert api.get(at(job)).json()["progress"]["total"] == 2


def test_nothing_new_costs_one_read(api: Api, job: Job, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as seen:  # the token and the job
        response = api.get(at(job), headers={"If-None-Match": job.etag})
    assert response.status_code == 304
    assert response.content == b""
    assert "Content-Type" not in response.headers
    assert response.headers["ETag"] == job.etag
    assert response.headers["Retry-After"] == "1"
    assert "LEFT JOIN jobs_job job ON job.id =" in seen.captured_queries[0]["sql"]


def test_a_full_answer_costs_three_reads_at_most(
    api: Api, job: Job, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):  # the token, the job
        api.get(at(job))
    Job.objects.filter(pk=job.pk).update(attempt=1)
    with django_assert_num_queries(3):  # the token, the job, its files
        api.get(at(job))


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ("*", 304),
        ('"other"', 200),
        ("nonsense", 200),
        ("", 200),
    ],
)
def test_if_none_match(api: Api, job: Job, header: str, status: int) -> None:
    value = header.format(etag=job.etag)
    assert api.get(at(job), headers={"If-None-Match": value}).status_code == status


def test_each_change_of_the_row_changes_the_tag(api: Api, job: Job) -> None:
    lifecycle.cancel_job(job.pk, "ada")
    response = api.get(at(job), headers={"If-None-Match": job.etag})
    assert response.status_code == 200
    assert response.headers["ETag"] != job.etag
    later = api.get(at(job), headers={"If-None-Match": response.headers["ETag"]})
    assert later.status_code == 304
    assert "Retry-After" not in later.headers


def test_a_missing_job_and_anothers_look_the_same(api: Api, job: Job, bob: User) -> None:
    other = Api(bob)
    calls = [("", other.get), ("/log", other.get), ("/artifacts/x", other.get)]
    calls += [("/cancel", other.post), ("/retry", other.post)]
    for tail, call in calls:
        missing, anothers = call(f"{JOBS}/{uuid.uuid4()}{tail}"), call(f"{at(job)}{tail}")
        assert missing.status_code == anothers.status_code == 404
        assert missing.content == anothers.content
        for response in (missing, anothers):
            del response.headers["X-Request-Id"]
        assert missing.headers == anothers.headers
    for tag in (job.etag, "*"):
        assert other.get(at(job), headers={"If-None-Match": tag}).status_code == 404


def test_staff_see_all(job: Job, chief: User) -> None:
    assert Api(chief).get(at(job)).status_code == 200


@pytest.mark.parametrize("text", ["x", "0" * 32 + "0", "%00", "None"])
def test_what_is_no_id_is_no_job(api: Api, text: str) -> None:
    assert api.get(f"{JOBS}/{text}").json()["detail"] == "There is no such job."


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="7"; x=1', 7),
        ("respond-async, wait=9", 9),
        ("wait=1, wait=2", 1),
        ("wait=99", 30),
        ("wait=0", 0),
        ("wait=-1", None),
        ("wait=abc", None),
        ("wait", None),
        ("", None),
        ("await=3", None),
        ("wait=" + "9" * 5000, None),
    ],
)
def test_the_wait_preference_is_parsed(header: str, seconds: int | None) -> None:
    assert wait_preference(header) == seconds


def test_a_finished_job_is_not_waited_for(api: Api, job: Job) -> None:
    lifecycle.cancel_job(job.pk, "ada")
    response = api.get(at(job), headers={"Prefer": "wait=30"})
    assert response.headers["Preference-Applied"] == "wait=30"
    assert response.json()["status"] == "cancelled"


def test_a_wait_that_times_out_returns_the_job_as_it_is(api: Api, job: Job) -> None:
    response = api.get(at(job), headers={"Prefer": "wait=0"})
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "wait=0")
    again = api.get(at(job), headers={"Prefer": "wait=0", "If-None-Match": job.etag})
    assert (again.status_code, again.headers["Preference-Applied"]) == (304, "wait=0")


@pytest.fixture
def on_pause(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[float]]:
    """Let something happen in the first pause of a waiting request, instead of sleeping."""

    def arrange(action: Callable[[], Any]) -> list[float]:
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 1:
                action()
            assert len(pauses) < 200, "it waits for ever"

        fake = SimpleNamespace(sleep=sleep, monotonic=lambda: sum(pauses))
        monkeypatch.setattr(long_poll, "time", fake)
        return pauses

    return arrange


def test_waiting_ends_with_the_job(api: Api, job: Job, on_pause: Any) -> None:
    on_pause(lambda: lifecycle.cancel_job(job.pk, "ada"))
    response = api.get(at(job), headers={"Prefer": "wait=20"})
    assert response.json()["status"] == "cancelled"
    assert response.headers["Preference-Applied"] == "wait=20"


def test_a_request_with_an_etag_waits_for_any_change(api: Api, job: Job, on_pause: Any) -> None:
    pauses = on_pause(lambda: Job.objects.filter(pk=job.pk).update(progress_done=1, version=2))
    response = api.get(at(job), headers={"Prefer": "wait=20", "If-None-Match": job.etag})
    assert response.status_code == 200
    assert response.json()["progress"]["done"] == 1
    assert len(pauses) == 1


def test_a_job_that_is_gone_ends_the_wait(api: Api, job: Job, on_pause: Any) -> None:
    on_pause(lambda: Job.objects.all().delete())
    assert api.get(at(job), headers={"Prefer": "wait=20"}).status_code == 404


def test_a_wait_polls_with_one_narrow_read_in_growing_pauses(
    api: Api, job: Job, on_pause: Any, django_assert_max_num_queries: Any
) -> None:
    pauses = on_pause(lambda: None)
    with django_assert_max_num_queries(60):
        api.get(at(job), headers={"Prefer": "wait=10"})
    assert sum(pauses) == pytest.approx(10)
    growing = pauses[:-1]  # the last is what is left of the time
    assert growing == sorted(growing)
    assert growing[0] <= 0.01
    assert growing[-1] == 0.25


def test_without_a_slot_the_job_comes_at_once(api: Api, job: Job, jobs_setting: Any) -> None:
    jobs_setting(SERVER_THREADS=8)
    with (
        long_poll.wait_slot(2) as first,
        long_poll.wait_slot(2) as second,
        long_poll.wait_slot(2) as third,
    ):
        assert (first, second, third) == (True, True, False)
        response = api.get(at(job), headers={"Prefer": "wait=20"})
        assert response.status_code == 200
        assert "Preference-Applied" not in response.headers


@pytest.mark.parametrize(
    ("environ", "told", "seen", "waiting"),
    [
        ({"wsgi.multithread": False}, 8, 8, 0),  # whatever the setting says
        ({"wsgi.multithread": True}, 8, 1, 2),
        ({"wsgi.multithread": True}, 3, 8, 0),
        ({"wsgi.multithread": True, "jobs.threads": 12}, 0, 1, 3),
        ({"wsgi.multithread": True, "SERVER_SOFTWARE": "WSGIServer/0.2 CPython/3"}, 0, 1, 2),
        ({"wsgi.multithread": True, "SERVER_SOFTWARE": "gunicorn/23"}, 0, 1, 0),
        ({"wsgi.multithread": True}, 0, 2, 1),
        ({"wsgi.multithread": True}, 0, 7, 1),
        ({"wsgi.multithread": True}, 0, 8, 2),
        (None, 0, 1, 2),  # ASGI
    ],
)
def test_a_waiting_request_leaves_threads_for_others(
    rf: RequestFactory,
    jobs_setting: Any,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, Any] | None,
    told: int,
    seen: int,
    waiting: int,
) -> None:
    jobs_setting(SERVER_THREADS=told)
    count = server_threads.RequestCount()
    with ExitStack() as requests:
        for _ in range(seen):
            requests.enter_context(count)
    monkeypatch.setattr(server_threads, "requests_in_progress", count)
    request: Any = ASGIRequest({"type": "http", "method": "GET", "path": "/"}, io.BytesIO())
    if environ is not None:
        request = rf.get("/", **environ)
    assert server_threads.max_waiting(request) == waiting


class Holding:
    """A server that can hold requests, as far as a view sees of it."""

    def __init__(self, *, has_room: bool = True) -> None:
        self.has_room = has_room
        self.waits: list[Any] = []

    def __call__(self, wait: Any) -> bool:
        self.waits.append(wait)
        return self.has_room

    def again(self) -> dict[str, Any]:
        """What the environment has when the server calls the view again."""
        return {HOLD: self, HELD: self.waits[-1]}


def test_a_server_that_can_holds_a_request_until_the_job_has_ended(api: Api, job: Job) -> None:
    server = Holding()
    api.get(at(job), headers={"Prefer": "wait=20"}, **{HOLD: server})
    (wait,) = server.waits
    assert (wait.job_id, wait.known) == (job.pk, None)
    assert wait.until == pytest.approx(time.monotonic() + 20, abs=5)
    assert not wait.is_news((job.version + 1, "running"))
    assert wait.is_news((job.version + 1, "succeeded"))
    assert wait.is_news(None)
    api.get(at(job), headers={"Prefer": "wait=20"}, **server.again())
    assert server.waits == [wait, wait]
    lifecycle.cancel_job(job.pk, "ada")
    response = api.get(at(job), headers={"Prefer": "wait=20"}, **server.again())
    assert response.json()["status"] == "cancelled"
    assert response.headers["Preference-Applied"] == "wait=20"
    assert len(server.waits) == 2


@pytest.mark.parametrize("is_replay", [False, True])
def test_a_held_submission_still_knows_what_it_came_to(api: Api, is_replay: bool) -> None:
    server, key = Holding(), {"Idempotency-Key": "k"}
    if is_replay:
        api.submit(ADD, args={"n": 1}, headers=key)
    body, headers = {"task": ADD, "args": {"n": 1}}, {**key, "Prefer": "wait=20"}
    api.post(JOBS, body, headers=headers, **{HOLD: server})
    server.waits[0].until = 0
    response = api.post(JOBS, b"", headers=headers, **server.again())
    assert response.status_code == (200 if is_replay else 202)
    assert response.headers.get("Idempotency-Replayed") == ("true" if is_replay else None)
    assert Job.objects.count() == 1


def test_a_held_request_with_an_etag_hears_of_any_change(api: Api, job: Job) -> None:
    server = Holding()
    headers = {"Prefer": "wait=20", "If-None-Match": job.etag}
    api.get(at(job), headers=headers, **{HOLD: server})
    (wait,) = server.waits
    assert not wait.is_news((job.version, "queued"))
    assert wait.is_news((job.version + 1, "queued"))
    Job.objects.filter(pk=job.pk).update(version=job.version + 1)
    any_tag = {**headers, "If-None-Match": "*"}  # it has each version there is
    api.get(at(job), headers=any_tag, **server.again())
    assert not wait.is_news((job.version + 1, "queued"))


def test_a_held_request_is_answered_when_its_time_is_over(api: Api, job: Job) -> None:
    server = Holding()
    api.get(at(job), headers={"Prefer": "wait=20"}, **{HOLD: server})
    server.waits[0].until = time.monotonic()
    response = api.get(at(job), headers={"Prefer": "wait=20"}, **server.again())
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "wait=20")
    assert len(server.waits) == 1


def test_where_too_many_are_held_the_job_comes_at_once(
    api: Api, job: Job, django_assert_num_queries: Any
) -> None:
    full = {HOLD: Holding(has_room=False)}
    with django_assert_num_queries(3):  # the token, the version, the job
        response = api.get(at(job), headers={"Prefer": "wait=20"}, **full)
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers
    assert "Prefer" in response.headers["Vary"]


def test_a_submission_waits_for_the_end_and_submits_once(api: Api) -> None:
    server = Holding()
    body = {"task": ADD, "args": {"n": 7}}
    api.post(JOBS, body, headers={"Prefer": "wait=20"}, **{HOLD: server})
    job = Job.objects.get()
    assert server.waits[0].job_id == job.pk
    lifecycle.cancel_job(job.pk, "ada")
    response = api.post(JOBS, b"", headers={"Prefer": "wait=20"}, **server.again())
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert response.headers["Preference-Applied"] == "wait=20"
    assert Job.objects.count() == 1


def test_a_submission_waits_in_its_thread_where_the_server_cannot_hold_it(
    api: Api, on_pause: Any
) -> None:
    on_pause(lambda: lifecycle.cancel_job(Job.objects.get().pk, "ada"))
    response = api.submit(ADD, args={"n": 7}, headers={"Prefer": "wait=20"})
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert response.headers["Preference-Applied"] == "wait=20"
    unfinished = api.submit(ADD, args={"n": 8}, headers={"Prefer": "wait=0"})
    assert (unfinished.status_code, unfinished.json()["status"]) == (202, "queued")


def test_a_wait_slot_is_released_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), long_poll.wait_slot(1):
        raise ZeroDivisionError
    with long_poll.wait_slot(1) as free:
        assert free


@pytest.fixture
def other_thread() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Run something in a thread with a connection of its own."""
    started: list[threading.Thread] = []

    def run(action: Callable[[], Any]) -> None:
        def body() -> None:
            try:
                action()
            finally:
                connection.close()

        thread = threading.Thread(target=body)
        thread.start()
        started.append(thread)

    yield run
    for thread in started:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_change_by_another_connection_is_seen(
    api: Api, job: Job, other_thread: Callable[[Callable[[], Any]], None]
) -> None:
    other_thread(lambda: lifecycle.cancel_job(job.pk, "ada"))
    response = api.get(at(job), headers={"Prefer": "wait=30"})
    assert response.json()["status"] == "cancelled"
