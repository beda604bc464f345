"""``GET /api/v1/results``: pages of what has ended, for one who follows ``next``."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections

from jobs.feed import Cursor
from jobs.models import Job
from tests.factories import end, make_staff, make_user, record, take_one
from tests.integration.api_client import Api

pytestmark = pytest.mark.django_db
RESULTS = "/api/v1/results"


def ended(owner: Any = None, **fields: Any) -> str:
    job = record(owner=owner, **fields)
    assert end(take_one(), result=49)
    return str(job.pk)


def test_a_page_has_jobs_as_the_api_shows_them_and_goes_on() -> None:
    ada = make_user()
    api = Api(ada)
    expected = [ended(ada) for _ in range(3)]
    first = api.get(f"{RESULTS}?limit=2").json()
    assert [job["id"] for job in first["items"]] == expected[:2]
    job = api.get(f"/api/v1/jobs/{expected[0]}").json()
    assert first["items"][0] == {**job, "cursor": first["items"][0]["cursor"]}
    assert first["more"] is True
    second = api.get(f"{RESULTS}?limit=2&after={first['next']}").json()
    assert [job["id"] for job in second["items"]] == expected[2:]
    assert (second["more"], second["held_back_since"]) == (False, None)
    third = api.get(f"{RESULTS}?after={second['next']}").json()
    assert third["items"] == []


def test_one_gets_ones_own_and_who_may_see_jobs_all() -> None:
    ada, bob = make_user(), make_user("bob")
    mine, others = ended(ada), ended(bob)
    found = Api(ada).get(RESULTS).json()["items"]
    assert [job["id"] for job in found] == [mine]
    everyone = Api(make_staff("eve", "view_job")).get(RESULTS).json()["items"]
    assert [job["id"] for job in everyone] == [mine, others]


def test_a_task_can_be_asked_for() -> None:
    ada = make_user()
    ended(ada)
    wanted = ended(ada, task="testapp.other")
    found = Api(ada).get(f"{RESULTS}?task=testapp.other").json()["items"]
    assert [job["id"] for job in found] == [wanted]


# The mark of this one is made with the secret of the process: no name for a test.
MARK_CHANGED = pytest.param(f"{Cursor.start()}"[:-1] + "!", id="mark")


@pytest.mark.parametrize("text", ["x", "0" * 44, "A" * 43, "%00", MARK_CHANGED, "1", "é" * 44])
def test_a_cursor_that_was_made_up_is_422(text: str) -> None:
    response = Api(make_user()).get(f"{RESULTS}?after={text}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/after"


def test_a_cursor_with_one_wrong_character_is_422() -> None:
    api, text = Api(make_user()), str(Cursor.start())
    for place in range(len(text)):
        other = "B" if text[place] != "B" else "C"
        wrong = text[:place] + other + text[place + 1 :]
        assert api.get(f"{RESULTS}?after={wrong}").status_code == 422, place


def test_a_cursor_older_than_the_retention_is_410() -> None:
    cursor = Cursor(1, Cursor.start().job_id, 1)
    response = Api(make_user()).get(f"{RESULTS}?after={cursor}")
    assert response.status_code == 410
    assert "may have been deleted" in response.json()["detail"]


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "٣"])
def test_a_limit_that_is_none_is_422(text: str) -> None:
    assert Api(make_user()).get(f"{RESULTS}?limit={text}").status_code == 422


def test_a_limit_is_cut_to_the_most() -> None:
    assert Api(make_user()).get(f"{RESULTS}?limit=99999999999").status_code == 200


def test_a_stranger_gets_nothing() -> None:
    assert Api(None).get(RESULTS).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_request_that_waits_hears_of_the_first_job() -> None:
    ada = make_user()
    api = Api(ada)
    job = record(owner=ada)
    claim = take_one()
    empty = api.get(RESULTS).json()
    assert empty["items"] == []

    def finish() -> None:
        end(claim)
        connections.close_all()

    ending = threading.Timer(0.2, finish)
    ending.start()
    response = api.get(f"{RESULTS}?after={empty['next']}", headers={"Prefer": "wait=30"})
    ending.join()
    assert [one["id"] for one in response.json()["items"]] == [str(job.pk)]
    assert response.headers["Preference-Applied"] == "wait=30"


def test_a_wait_ends_without_a_job() -> None:
    response = Api(make_user()).get(RESULTS, headers={"Prefer": "wait=0"})
    assert (response.json()["items"], response.headers["Preference-Applied"]) == ([], "wait=0")


def test_where_no_request_may_wait_it_is_answered_at_once() -> None:
    api = Api(make_user(), **{"wsgi.multithread": False})
    response = api.get(RESULTS, headers={"Prefer": "wait=30"})
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


def test_reading_changes_no_job() -> None:
    ada = make_user()
    ended(ada)
    before = list(Job.objects.values())
    Api(ada).get(RESULTS)
    assert list(Job.objects.values()) == before
    assert connection.in_atomic_block


def test_each_job_has_a_cursor_to_go_on_behind_it() -> None:
    ada = make_user()
    api = Api(ada)
    expected = [ended(ada) for _ in range(3)]
    items = api.get(RESULTS).json()["items"]
    rest = api.get(f"{RESULTS}?after={items[0]['cursor']}").json()
    assert [job["id"] for job in rest["items"]] == expected[1:]


@pytest.mark.django_db(transaction=True)  # the jobs of one transaction have one position
def test_one_can_begin_with_what_ends_from_now_on() -> None:
    ada = make_user()
    api = Api(ada)
    before = api.get(f"{RESULTS}?after=latest").json()
    assert before["items"] == []
    first = ended(ada)
    now = api.get(f"{RESULTS}?after=latest").json()
    assert now["items"] == []
    second = ended(ada)
    found = [api.get(f"{RESULTS}?after={page['next']}").json()["items"] for page in (before, now)]
    assert [[job["id"] for job in items] for items in found] == [[first, second], [second]]
