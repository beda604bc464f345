"""The form of a task: what it accepts, what it refuses, what it keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from jobs import lifecycle
from jobs.models import Job
from tests.integration.form_pages import errors_in, form_at
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import KINDS, MAILING, PLAIN

ALL_FIELDS = {
    "text": " as typed ",
    "count": "7",
    "mode": "careful",
    "box": '{"width": 2}',
    "note": "first\r\nsecond",
    "ratio": "",
    "colours": ["red", "green"],
    "words": "one\r\n\r\n two \r\n",
    "numbers": "1\n2",
    "size": "large",
    "day": "2026-11-21",
    "moment": "2026-11-21T09:30",
    "mail": "",
    "url": "https://example.org/",
    "maybe": "False",
    "level": "6",
    "anything": "[1, {}]",
}


def test_each_kind_of_argument_is_stored_as_its_type(page: Client) -> None:
    answer = page.post(form_at(KINDS), ALL_FIELDS)
    job = Job.objects.get()
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/jobs/{job.id}/"
    assert job.kwargs == {
        "text": " as typed ",
        "count": 7,
        "mode": "careful",
        "box": {"width": 2, "height": 3},
        "note": "first\nsecond",
        "ratio": None,
        "colours": ["red", "green"],
        "words": ["one", "two"],
        "numbers": [1, 2],
        "size": "large",
        "day": "2026-11-21",
        "moment": "2026-11-21T09:30:00Z",
        "mail": None,
        "url": "https://example.org/",
        "sure": False,
        "maybe": False,
        "level": 6,
        "anything": [1, {}],
    }
    assert job.owner is not None
    assert job.owner.username == "ada"


def test_fields_that_are_left_alone_give_the_defaults(page: Client) -> None:
    html = page.get(form_at(KINDS)).content.decode()
    assert html.index('name="text"') < html.index('name="note"')
    needed = {"text": "x", "count": "1", "mode": "fast", "box": '{"width": 1}', "sure": "on"}
    page.post(form_at(KINDS), {**needed, "colours": "red", "size": "small", "level": "2"})
    args = Job.objects.get().kwargs
    assert args["sure"] is True
    assert args["colours"] == ["red"]
    assert args["level"] == 2
    assert args["words"] == []


def test_errors_are_shown_at_their_fields_and_all_that_was_typed_is_kept(page: Client) -> None:
    wrong = {
        **ALL_FIELDS,
        "text": "",
        "count": "12",
        "box": '{"width": "wide"}',
        "numbers": "1\nx",
        "anything": "[1,",
    }
    answer = page.post(form_at(KINDS), wrong)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert not Job.objects.exists()
    assert errors_in(html) == [
        "It is required.",
        "It must be 9 or less.",
        "width: it must be a whole number.",
        "Entry 2: it must be a whole number.",
        "This is no JSON: expecting value, line 1, column 4.",
    ]
    for typed in ('value="12"', "first\r\nsecond", "&quot;wide&quot;", "[1,", "1\nx"):
        assert typed in html
    assert re.search(r'<input[^>]*value="careful"[^>]* checked', html)


def test_a_single_queue_needs_no_field(page: Client, settings: Any) -> None:
    assert 'name="option-queue"' in page.get(form_at(PLAIN)).content.decode()
    settings.TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default"]}}
    assert 'name="option-queue"' not in page.get(form_at(PLAIN)).content.decode()


def test_options_are_sent_beside_the_arguments(page: Client) -> None:
    data = {
        "text": "x",
        "min_length": "2",
        "option-queue": "mail",
        "option-priority": "-3",
        "option-run_after": "2999-01-01T12:00",
        "option-max_attempts": "2",
        "option-unique_key": "once",
    }
    assert page.post(form_at(PLAIN), data).status_code == 303
    job = Job.objects.get()
    assert (job.queue, job.priority, job.max_attempts, job.unique_key) == ("mail", -3, 2, "once")
    assert job.run_after == datetime(2999, 1, 1, 12, tzinfo=UTC)
    again = page.post(form_at(PLAIN), data, follow=True)
    assert "nothing new was handed in" in again.content.decode()
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("priority", "6", "You may lower it, not raise it above 5."),
        ("priority", "high", "It must be a whole number."),
        ("max_attempts", "0", "It must be a whole number from 1 to 1000."),
        ("run_after", "soon", "It must be a date and time."),
        ("queue", "no", "There is no queue named &#x27;no&#x27;. Known: default, mail."),
    ],
)
def test_a_wrong_option_is_an_error_at_its_field_which_is_open(
    page: Client, option: str, value: str, said: str
) -> None:
    answer = page.post(form_at(PLAIN), {"text": "x", f"option-{option}": value})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert errors_in(html) == [said]
    assert '<details class="more" open>' in html
    assert not Job.objects.exists()


def test_a_query_string_fills_in_the_form(page: Client) -> None:
    html = page.get(form_at(PLAIN), {"text": "from <there>", "min_length": "4"}).content.decode()
    assert "from &lt;there&gt;" in html
    assert 'value="4"' in html


def test_run_again_shows_the_arguments_and_options_of_the_job(
    page: Client, page_jobs: PageJobs, bob: User
) -> None:
    job = page_jobs.waiting(args={"text": "again"}, queue="mail", priority=-1)
    html = page.get(form_at(PLAIN), {"from": str(job.id)}).content.decode()
    assert 'value="again"' in html
    assert '<details class="more" open>' in html
    assert re.search(r'value="mail"[^>]* checked', html)
    foreign = page_jobs.waiting(args={"text": "secret"}, owner=bob)
    assert "secret" not in page.get(form_at(PLAIN), {"from": str(foreign.id)}).content.decode()


def test_an_unknown_task_names_the_nearest(page: Client) -> None:
    answer = page.get(form_at("pages.count_word"))
    html = answer.content.decode()
    assert answer.status_code == 404
    assert f'href="{form_at(PLAIN)}"' in html


def test_a_task_that_needs_a_permission_is_a_403_and_not_in_the_catalogue(
    page: Client, chief: User
) -> None:
    assert page.get(form_at(MAILING)).status_code == 403
    assert page.post(form_at(MAILING), {"to": "x"}).status_code == 403
    assert "Mailing for staff" not in page.get("/").content.decode()
    near = page.get(form_at("pages.mailin")).content.decode()
    assert "Mailing for staff" not in near
    page.force_login(chief)
    assert page.get(form_at(MAILING)).status_code == 200
    assert "Mailing for staff" in page.get("/").content.decode()
    assert not Job.objects.exists()


def test_too_much_text_is_a_413(page: Client, jobs_setting: Callable[..., None]) -> None:
    jobs_setting(MAX_BODY=2_000)
    kept = page.post(form_at(PLAIN), {"text": "x" * 2_000})
    assert kept.status_code == 413
    assert "x" * 2_000 in kept.content.decode()
    assert page.post(form_at(PLAIN), {"text": "x" * 3_000_000}).status_code == 413
    assert not Job.objects.exists()


def test_a_full_queue_is_a_429_with_retry_after_and_keeps_the_form(
    page: Client, page_jobs: PageJobs, jobs_setting: Callable[..., None]
) -> None:
    page_jobs.waiting()
    jobs_setting(MAX_BACKLOG=1)
    answer = page.post(form_at(PLAIN), {"text": "kept words"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "kept words" in answer.content.decode()
    assert Job.objects.count() == 1


def test_a_database_that_cannot_take_it_is_a_503_that_keeps_the_form(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any, **__: Any) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(lifecycle, "insert_job", locked)
    answer = page.post(form_at(PLAIN), {"text": "kept words"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "kept words" in answer.content.decode()


def test_the_form_is_protected_against_forgery_and_strangers(ada: User, page_tasks: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    stranger = strict.post(form_at(PLAIN), {"text": "x"})
    assert stranger.status_code == 302
    assert stranger.headers["Location"] == f"/sign-in/?next={form_at(PLAIN)}"
    strict.force_login(ada)
    assert strict.post(form_at(PLAIN), {"text": "x"}).status_code == 403
    assert not Job.objects.exists()
