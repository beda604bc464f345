"""GET /jobs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7
from jobs.models import Artifact, Job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, FREE


def make(owner: User, count: int = 1, **values: Any) -> list[Job]:
    """Record jobs, the oldest first."""
    rows = [
        Job(**{"id": uuid7(), "task": ADD, "module_path": "x", "owner": owner, **values})
        for _ in range(count)
    ]
    return Job.objects.bulk_create(rows)


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [item["id"] for item in response.json()["items"]]


def following(response: Any) -> str | None:
    """The address of the next page."""
    found = re.fullmatch(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
    return found[1] if found else None


def test_the_newest_come_first_and_only_ones_own(api: Api, ada: User, bob: User) -> None:
    first, second = make(ada, 2)
    make(bob)
    assert ids(api.get(JOBS)) == [str(second.pk), str(first.pk)]


def test_staff_see_all(ada: User, bob: User, chief: User) -> None:
    make(ada)
    make(bob)
    assert len(ids(Api(chief).get(JOBS))) == 2


def test_a_page_leads_to_the_next_until_all_are_seen(api: Api, ada: User) -> None:
    rows = make(ada, 5)
    make(ada, 2, task=FREE)
    seen: list[str] = []
    path: str | None = f"{JOBS}?limit=2&task={ADD}"
    while path is not None:
        response = api.get(path)
        assert len(ids(response)) <= 2
        seen += ids(response)
        path = following(response)
    assert seen == [str(row.pk) for row in reversed(rows)]


def test_a_job_submitted_between_two_pages_is_not_seen_twice(api: Api, ada: User) -> None:
    rows = make(ada, 4)
    first = api.get(f"{JOBS}?limit=2")
    make(ada, 3)
    path = following(first)
    assert path is not None
    assert ids(first) + ids(api.get(path)) == [str(row.pk) for row in reversed(rows)]


def test_a_page_that_is_just_full_has_no_next(api: Api, ada: User) -> None:
    make(ada, 2)
    assert following(api.get(f"{JOBS}?limit=2")) is None


@pytest.mark.parametrize(("limit", "shown"), [("", 50), ("&limit=60", 60), ("&limit=9999", 200)])
def test_the_size_of_a_page(api: Api, ada: User, limit: str, shown: int) -> None:
    make(ada, 201)
    assert len(ids(api.get(f"{JOBS}?q={limit}"))) == shown


def test_a_page_costs_three_reads_however_long(
    api: Api, ada: User, django_assert_num_queries: Any
) -> None:
    for job in make(ada, 20):
        Artifact.objects.create(job=job, attempt=1, name="a.txt", size=1, file="x")
    with django_assert_num_queries(3) as seen:  # the token, the jobs, the files of all of them
        response = api.get(JOBS)
    assert all(item["artifacts"][0]["name"] == "a.txt" for item in response.json()["items"])
    assert "COUNT(" not in "".join(query["sql"] for query in seen.captured_queries)


def test_by_status(api: Api, ada: User) -> None:
    rows = {status: make(ada, status=status)[0] for status in Status.values}
    for status, row in rows.items():
        assert ids(api.get(f"{JOBS}?status={status}")) == [str(row.pk)]
    both = [str(rows["failed"].pk), str(rows["queued"].pk)]
    assert sorted(ids(api.get(f"{JOBS}?status=failed,queued"))) == sorted(both)
    assert sorted(ids(api.get(f"{JOBS}?status=failed&status=queued"))) == sorted(both)


def test_by_task_and_queue(api: Api, ada: User) -> None:
    wanted = make(ada, task=FREE, queue="mail")[0]
    make(ada, task=FREE)
    make(ada, queue="mail")
    assert ids(api.get(f"{JOBS}?task={FREE}&queue=mail")) == [str(wanted.pk)]
    assert ids(api.get(f"{JOBS}?queue=nowhere")) == []


def test_searching_by_the_beginning_of_an_id(api: Api, ada: User) -> None:
    rows = make(ada, 3)
    text = str(rows[1].pk)
    for part in (text, text[:-1], text.upper(), text.replace("-", "")):
        assert ids(api.get(f"{JOBS}?q={part}")) == [text]
    assert len(ids(api.get(f"{JOBS}?q={text[:9]}"))) == 3
    assert ids(api.get(f"{JOBS}?q={text[1:]}")) == []


def test_searching_by_a_part_of_the_tasks_name(api: Api, ada: User) -> None:
    row = make(ada, task=FREE)[0]
    gone = make(ada, task="old.Forgotten")[0]
    assert ids(api.get(f"{JOBS}?q=ANYTHING")) == [str(row.pk)]
    assert ids(api.get(f"{JOBS}?q=forgot")) == [str(gone.pk)]
    assert ids(api.get(f"{JOBS}?q=%25")) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=x", "/limit"),
        ("limit=%C2%B2", "/limit"),
        ("status=odd", "/status"),
        ("status=queued,odd", "/status"),
        ("cursor=x", "/cursor"),
    ],
)
def test_a_bad_parameter_is_named_by_its_pointer(api: Api, query: str, pointer: str) -> None:
    response = api.get(f"{JOBS}?{query}")
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize("text", ["%00", "%FF", "'", "x" * 5000, "%F0%9F%98%80", "f" * 33])
def test_an_odd_search_finds_nothing(api: Api, ada: User, text: str) -> None:
    make(ada)
    for name in ("q", "task", "queue"):
        assert ids(api.get(f"{JOBS}?{name}={text}")) == []


def test_a_job_in_a_list_is_shown_as_by_itself(api: Api, ada: User) -> None:
    due = timezone.now() + timedelta(days=1)
    job = make(ada, run_after=due, status=Status.SCHEDULED)[0]
    lifecycle.cancel_job(job.pk, "ada")
    assert api.get(JOBS).json()["items"] == [api.get(f"{JOBS}/{job.pk}").json()]
