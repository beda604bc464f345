"""The limits of a queue and of one user: what counts, what is told, what it costs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.brokers.base import ReceivedMessage
from jobs.consumer.ingest import ingest
from jobs.core.states import Status
from jobs.core.uuid7 import first_uuid7, uuid7
from jobs.errors import LimitReached, QueueFull, QuotaExceeded
from jobs.lifecycle import room
from jobs.models import Job, Upload
from jobs.submission import SubmitOptions, backlog, resumable, retry_job, store_upload, submit_job
from tests.factories import make_job, make_upload
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, READ
from tests.integration.form_pages import form_at
from tests.integration.page_tasks import FILES, PLAIN

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]
Setting = Callable[..., None]
LATER = {"run_after": "2999-01-01T00:00:00Z"}


def submit(owner: User | None, **options: Any) -> Job:
    asked = SubmitOptions(**options)
    return submit_job(ADD, {"n": 1}, owner=owner, options=asked, enforce_limits=True).job


def fill(owner: User | None, most: int = 100, **options: Any) -> int:
    """Submit until a limit refuses; return how many went in."""
    for number in range(most):
        try:
            submit(owner, **options)
        except LimitReached:
            return number
    return most


# --- the queue --------------------------------------------------------------------------------


def test_scheduled_jobs_are_backlog(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BACKLOG=20)
    tomorrow = timezone.now() + timedelta(days=1)
    assert fill(ada, 60, run_after=tomorrow) == 20
    with pytest.raises(QueueFull):
        submit(ada)


def test_jobs_that_wait_for_another_attempt_are_backlog(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BACKLOG=2)
    make_job(status=Status.SCHEDULED, attempt=1, failures=1)
    assert fill(ada) == 1


def test_a_retry_needs_room(ada: User, chief: User, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BACKLOG=1)
    failed = make_job(status=Status.FAILED, owner=ada, task=ADD)
    submit(ada)
    for user in (ada, chief):
        with pytest.raises(QueueFull):
            retry_job(failed, user)
    failed.refresh_from_db()
    assert failed.status == Status.FAILED


def test_a_retry_that_is_not_possible_says_so_however_full_the_queue(
    api: Api, ada: User, jobs_setting: Setting
) -> None:
    jobs_setting(MAX_BACKLOG=1)
    submit(ada)
    for status, expected in ((Status.SUCCEEDED, 409), (Status.RUNNING, 409), (Status.FAILED, 429)):
        job = make_job(status=status, owner=ada, task=ADD)
        assert api.post(f"{JOBS}/{job.pk}/retry").status_code == expected


# --- one user ---------------------------------------------------------------------------------


def test_a_user_has_so_many_unfinished_jobs(ada: User, bob: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_UNFINISHED=6)
    make_job(status=Status.RUNNING, owner=ada)
    make_job(status=Status.SCHEDULED, owner=ada)
    make_job(status=Status.SUCCEEDED, owner=ada)
    make_job(status=Status.QUEUED, owner=ada, queue="mail", priority=-3)
    make_job(status=Status.QUEUED, owner=bob, queue="mail", priority=-3)
    assert fill(ada) == 3
    assert fill(bob) == 5


def test_the_unfinished_are_counted_in_every_queue_and_priority(ada: User, bob: User) -> None:
    for number in range(60):
        owner = (ada, bob, None)[number % 3]
        make_job(owner=owner, queue=f"q{number % 4}", priority=number % 5)
    assert room.unfinished_jobs(ada.pk, 1000) == 20
    assert room.unfinished_jobs(ada.pk, 7) == 7
    assert room.waiting_jobs("q0", 1000) == 15


def submitted_before(owner: User, seconds: float) -> None:
    """A job of so long ago: its id says so."""
    made = first_uuid7(time.time() - seconds).int | 7 << 76 | 2 << 62 | Job.objects.count()
    make_job(id=uuid.UUID(int=made), owner=owner, status=Status.SUCCEEDED)


def test_a_user_submits_so_many_a_minute(ada: User, bob: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_PER_MINUTE=3)
    for seconds in (100, 70, 61, 40):
        submitted_before(ada, seconds)
    assert fill(ada) == 2
    assert fill(bob) == 3
    with pytest.raises(QuotaExceeded) as caught:
        submit(ada)
    assert 10 <= caught.value.retry_after <= 20


def test_staff_and_jobs_of_nobody_have_no_quota(chief: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_PER_MINUTE=1, USER_MAX_UNFINISHED=1, USER_MAX_UNCLAIMED=1)
    assert fill(chief, 3) == fill(None, 3) == 3
    store_upload(chief, "a", [b"abc"])
    store_upload(None, "a", [b"abc"])


def test_a_limit_of_zero_is_none_and_costs_nothing(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_PER_MINUTE=0, USER_MAX_UNFINISHED=0, USER_MAX_UNCLAIMED=0)
    with CaptureQueriesContext(connection) as queries:
        submit(ada)
    assert len([one for one in queries if "COUNT" in one["sql"]]) == 1  # of the queue
    with CaptureQueriesContext(connection) as queries:
        store_upload(ada, "a", [b"abc"])
    assert not [one for one in queries if "SUM" in one["sql"]]


def test_a_repeat_of_a_unique_job_needs_no_room(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_UNFINISHED=1)
    first = submit(ada, unique_key="k")
    assert submit(ada, unique_key="k") == first
    with pytest.raises(QuotaExceeded):
        submit(ada, unique_key="other")


# --- what it costs ----------------------------------------------------------------------------


def test_a_hundred_submissions_cost_three_counts(ada: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert fill(ada, 100) == 100
    counts = [one["sql"] for one in queries if "COUNT" in one["sql"]]
    assert 3 <= len(counts) <= 3 * 10  # once a second, on a machine however slow


def test_close_to_a_limit_it_is_counted_again(ada: User, jobs_setting: Setting) -> None:
    """Another process has submitted since this one counted."""
    jobs_setting(MAX_BACKLOG=16)
    submit(ada)
    for _ in range(14):
        make_job()
    assert fill(ada) == 1


def test_a_full_queue_is_counted_once_a_second(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BACKLOG=2)
    fill(ada)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            with pytest.raises(QueueFull):
                submit(ada)
    assert len([one for one in queries if "COUNT" in one["sql"]]) <= 2


def test_a_count_that_fails_is_not_remembered(
    ada: User, jobs_setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_setting(MAX_BACKLOG=1)
    real = room.waiting_jobs

    def broken(*_: Any) -> int:
        raise RuntimeError("away")

    monkeypatch.setattr(room, "waiting_jobs", broken)
    with pytest.raises(RuntimeError):
        submit(ada)
    monkeypatch.setattr(room, "waiting_jobs", real)
    assert fill(ada) == 1


# --- what is told -----------------------------------------------------------------------------


def test_the_headers_say_what_is_left(api: Api, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BACKLOG=50, USER_MAX_UNFINISHED=20, USER_MAX_PER_MINUTE=2)
    response = api.submit(ADD, args={"n": 1})
    assert response.headers["RateLimit-Policy"] == (
        '"backlog";q=50, "unfinished";q=20, "minute";q=2;w=60'
    )
    assert response.headers["RateLimit"] == '"backlog";r=49, "unfinished";r=19, "minute";r=1'
    assert api.submit(ADD, args={"n": 1}).status_code == 202
    refused = api.submit(ADD, args={"n": 1})
    assert refused.status_code == 429
    assert refused.json()["type"].endswith("#quota-exceeded")
    wait = refused.headers["Retry-After"]
    assert 58 <= int(wait) <= 60
    assert refused.headers["RateLimit"].endswith(f'"minute";r=0;t={wait}')
    assert Job.objects.count() == 2


def test_one_who_floods_is_told_and_another_is_not(
    api: Api, bob: User, jobs_setting: Setting
) -> None:
    jobs_setting(USER_MAX_UNFINISHED=2)
    assert [api.submit(ADD, args={"n": 1}).status_code for _ in range(4)] == [202, 202, 429, 429]
    assert Api(bob).submit(ADD, args={"n": 1}).status_code == 202


def test_the_form_says_it_with_all_that_was_typed(
    page: Client, ada: User, jobs_setting: Setting
) -> None:
    jobs_setting(USER_MAX_UNFINISHED=1)
    make_job(owner=ada, queue="other")
    response = page.post(form_at(PLAIN), {"text": "kept words"})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert "unfinished jobs" in response.content.decode()
    assert "kept words" in response.content.decode()


def test_the_form_says_it_of_a_file(page: Client, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_UNCLAIMED=3)
    response = page.post(form_at(FILES), {"log": ContentFile(b"1234", "a.txt")})
    assert response.status_code == 422
    assert "no job uses yet" in response.content.decode()


def test_a_message_waits_until_its_owner_has_room(
    ada: User, jobs_setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would close the connection that holds this test's transaction.
    monkeypatch.setattr("jobs.consumer.ingest.connection", MagicMock())
    jobs_setting(USER_MAX_UNFINISHED=1, FOREIGN_OWNER="ada")
    submit(ada)
    body = f'{{"job_id": "{uuid7()}", "task": "{ADD}", "args": {{"n": 1}}}}'.encode()
    assert not ingest("default", "redis", ReceivedMessage(None, body))
    Job.objects.update(status=Status.SUCCEEDED)
    backlog.forget_counts()
    assert ingest("default", "redis", ReceivedMessage(None, body))
    assert Job.objects.count() == 2


# --- uploads ----------------------------------------------------------------------------------


def test_a_user_has_so_many_bytes_that_no_job_uses(
    api: Api, ada: User, bob: User, jobs_setting: Setting
) -> None:
    jobs_setting(USER_MAX_UNCLAIMED=10)
    send = {"content_type": "application/octet-stream"}
    first = api.post("/api/v1/uploads", b"123456", **send)
    assert first.status_code == 201
    refused = api.post("/api/v1/uploads", b"12345", **send)
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Policy"] == '"unclaimed";q=10;qu="content-bytes"'
    assert refused.headers["RateLimit"] == '"unclaimed";r=4'
    assert int(refused.headers["Retry-After"]) > 0
    assert Api(bob).post("/api/v1/uploads", b"12345", **send).status_code == 201
    assert Upload.objects.count() == 2
    api.submit(READ, args={"log": {"upload": first.json()["id"]}})
    assert api.post("/api/v1/uploads", b"1234567890", **send).status_code == 201


def test_an_upload_of_unknown_length_stops_at_the_quota(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_UNCLAIMED=10)
    read: list[int] = []

    def endless() -> Any:
        for number in range(1000):
            read.append(number)
            yield b"1234"

    with pytest.raises(QuotaExceeded, match="10 bytes"):
        store_upload(ada, "a", endless())
    assert len(read) < 10
    assert not Upload.objects.exists()


def test_of_uploads_at_once_the_quota_lets_one_in(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_UNCLAIMED=10)

    def chunks() -> Any:
        yield b"123456"
        make_upload(ada, b"123456")  # it was quicker

    with pytest.raises(QuotaExceeded):
        store_upload(ada, "a", chunks())
    assert Upload.objects.count() == 1


def test_an_announced_upload_counts_with_all_its_bytes(ada: User, jobs_setting: Setting) -> None:
    jobs_setting(USER_MAX_UNCLAIMED=10)
    resumable.create(ada, "a", 7)
    with pytest.raises(QuotaExceeded):
        resumable.create(ada, "b", 4)
    resumable.create(ada, "b", 3)
    with pytest.raises(QuotaExceeded):
        store_upload(ada, "c", [b"1"])
