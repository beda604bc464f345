"""POST /jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError

from jobs import lifecycle
from jobs.core.jsonutils import canonical_digest
from jobs.core.states import Status
from jobs.models import Job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, FREE, NARROW, SECRET

MEMBERS = {
    *("id", "task", "queue", "priority", "status", "args", "result", "error", "progress"),
    "warnings",
    *("attempt", "failures", "max_attempts", "created_at", "run_after", "started_at"),
    *("finished_at", "cancel_requested", "request_id", "links", "artifacts"),
}


def field_errors(response: Any) -> dict[str, str]:
    """The errors of a 422 by pointer."""
    assert response.status_code == 422, response.content
    return {error["pointer"]: error["detail"] for error in response.json()["errors"]}


def test_a_job_is_recorded_and_returned_at_once(api: Api, ada: User) -> None:
    response = api.submit(ADD, args={"n": 7})
    shown = response.json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/v1/jobs/{shown['id']}" == shown["links"]["self"]
    assert response.headers["Retry-After"] == "1"
    assert set(shown) == MEMBERS
    assert shown["args"] == {"n": 7, "m": 1}
    assert (shown["status"], shown["priority"], shown["max_attempts"]) == ("queued", 5, 3)
    assert shown["created_at"].endswith("Z")
    assert shown["links"]["html"] == f"/jobs/{shown['id']}/"
    row = Job.objects.get(pk=shown["id"])
    assert (row.owner, row.task, row.status) == (ada, ADD, Status.QUEUED)


def test_it_costs_a_read_of_the_token_and_one_insert(
    api: Api, django_assert_num_queries: Any
) -> None:
    api.submit(ADD, args={"n": 1})  # reads, for the next second, how full the queue is
    with django_assert_num_queries(2) as seen:
        assert api.submit(ADD, args={"n": 7}).status_code == 202
    assert seen.captured_queries[1]["sql"].startswith("INSERT INTO jobs_job")


def test_an_idempotency_key_costs_one_more_read(api: Api, django_assert_num_queries: Any) -> None:
    api.submit(ADD, args={"n": 1})
    with django_assert_num_queries(5):  # token, key, SAVEPOINT, INSERT, RELEASE
        api.submit(ADD, args={"n": 7}, headers={"Idempotency-Key": "a"})


def test_options(api: Api) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    shown = api.submit(
        ADD, args={"n": 1}, queue="default", priority=-3, max_attempts=1, run_after=due.isoformat()
    ).json()
    assert (shown["status"], shown["priority"], shown["max_attempts"]) == ("scheduled", -3, 1)
    assert datetime.fromisoformat(shown["run_after"]) == due


def test_options_that_are_null_are_as_good_as_absent(api: Api) -> None:
    shown = api.submit(ADD, args={"n": 1}, priority=None, run_after=None, unique_key=None).json()
    assert (shown["status"], shown["priority"]) == ("queued", 5)


def test_an_unknown_task_is_a_404_with_the_nearest_names(api: Api) -> None:
    response = api.submit("tests.add_number", args={})
    assert response.status_code == 404
    assert response.json()["nearest"][0] == ADD
    assert response.json()["type"].endswith("#unknown-task")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"task": ADD}, {"/args/n"}),
        ({"task": ADD, "args": {"n": -1}}, {"/args/n"}),
        ({"task": ADD, "args": {"n": "x", "z": 1}}, {"/args/n", "/args/z"}),
        ({"task": ADD, "args": [7]}, {"/args"}),
        ({"task": ADD, "args": None}, {"/args"}),
        ({"task": ADD, "args": "n=7"}, {"/args"}),
        ({"args": {"n": 1}}, {"/task"}),
        ({"task": 5}, {"/task"}),
        ({"task": ADD, "args": {"n": 1}, "colour": "red"}, {"/colour"}),
        ({"task": ADD, "args": {"n": 1}, "queue": "nowhere"}, {"/queue"}),
        ({"task": ADD, "args": {"n": 1}, "priority": 101}, {"/priority"}),
        ({"task": ADD, "args": {"n": 1}, "priority": 10**30}, {"/priority"}),
        ({"task": ADD, "args": {"n": 1}, "priority": "5"}, {"/priority"}),
        ({"task": ADD, "args": {"n": 1}, "priority": True}, {"/priority"}),
        ({"task": ADD, "args": {"n": 1}, "max_attempts": 0}, {"/max_attempts"}),
        ({"task": ADD, "args": {"n": 1}, "run_after": "2030-01-01T00:00:00"}, {"/run_after"}),
        ({"task": ADD, "args": {"n": 1}, "run_after": "0001-01-01T00:00:00+14:00"}, {"/run_after"}),
        ({"task": ADD, "args": {"n": 1}, "run_after": 1700000000}, {"/run_after"}),
        ({"task": ADD, "args": {"n": 1}, "run_after": "soon"}, {"/run_after"}),
        ({"task": ADD, "args": {"n": 1}, "unique_key": ""}, {"/unique_key"}),
        ({"task": ADD, "args": {"n": 1}, "unique_key": "k" * 201}, {"/unique_key"}),
        ([1, 2], {""}),
        ("text", {""}),
    ],
)
def test_what_does_not_fit_is_named_by_pointer(api: Api, body: Any, pointers: set[str]) -> None:
    assert set(field_errors(api.post(JOBS, body))) == pointers
    assert not Job.objects.exists()


def test_an_argument_called_like_an_option_is_pointed_at_as_an_argument(api: Api) -> None:
    assert set(field_errors(api.submit(ADD, args={"n": 1, "priority": 3}))) == {"/args/priority"}


def test_only_staff_may_raise_priority_and_attempts(api: Api, chief: User) -> None:
    options: dict[str, Any] = {"priority": 6, "max_attempts": 4}
    assert set(field_errors(api.submit(ADD, args={"n": 1}, **options))) == {
        "/priority",
        "/max_attempts",
    }
    assert Api(chief).submit(ADD, args={"n": 1}, **options).status_code == 202


def test_a_permission_is_checked(api: Api, ada: User, chief: User) -> None:
    for task in (SECRET, NARROW):
        response = api.submit(task)
        assert response.status_code == 403
        assert response.json()["type"].endswith("#forbidden")
    ada.user_permissions.add(Permission.objects.get(codename="view_queue"))
    assert api.submit(NARROW).status_code == 202
    assert Api(chief).submit(SECRET).status_code == 202


def test_a_unique_key_gets_the_unfinished_job(api: Api, bob: User) -> None:
    first = api.submit(ADD, args={"n": 1}, unique_key="one")
    again = api.submit(ADD, args={"n": 2}, unique_key="one", headers={"Idempotency-Key": "new"})
    assert "Idempotency-Replayed" not in again.headers  # another request, which found a job
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert Api(bob).submit(ADD, args={"n": 1}, unique_key="one").status_code == 202
    api.post(f"{first.headers['Location']}/cancel")
    assert api.submit(ADD, args={"n": 1}, unique_key="one").status_code == 202


def test_the_same_key_and_json_get_the_first_job(api: Api) -> None:
    key = {"Idempotency-Key": "abc"}
    first = api.submit(ADD, args={"n": 1, "m": 2}, headers=key)
    again = api.post(
        JOBS, f'{{ "args": {{"m": 2, "n": 1}}, "task": "{ADD}" }}'.encode(), headers=key
    )
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert Job.objects.count() == 1
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_the_same_key_with_other_json_is_a_conflict(api: Api) -> None:
    key = {"Idempotency-Key": "abc"}
    api.submit(ADD, args={"n": 1}, headers=key)
    response = api.submit(ADD, args={"n": 2}, headers=key)
    assert response.status_code == 409
    problem = response.json()
    assert problem["type"].endswith("#idempotency-conflict")
    prints = [canonical_digest({"task": ADD, "args": {"n": number}}) for number in (1, 2)]
    assert problem["fingerprints"] == dict(zip(("first", "this"), prints, strict=True))
    assert all(one in problem["detail"] for one in prints)


def test_a_key_is_its_owners(api: Api, bob: User) -> None:
    key = {"Idempotency-Key": "abc"}
    first = api.submit(ADD, args={"n": 1}, headers=key).json()
    other = Api(bob).submit(ADD, args={"n": 2}, headers=key)
    assert other.status_code == 202
    assert other.json()["id"] != first["id"]


def test_a_refused_request_does_not_use_up_its_key(api: Api) -> None:
    key = {"Idempotency-Key": "abc"}
    assert api.submit(ADD, args={"n": "x"}, headers=key).status_code == 422
    assert api.submit(ADD, args={"n": 1}, headers=key).status_code == 202


def test_a_repeat_gets_the_job_also_when_the_task_is_gone(api: Api, monkeypatch: Any) -> None:
    key = {"Idempotency-Key": "abc"}
    first = api.submit(ADD, args={"n": 1}, headers=key).json()
    monkeypatch.setattr("jobs.catalog.registry._declared", {})
    assert api.submit(ADD, args={"n": 1}, headers=key).json()["id"] == first["id"]


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "é"])
def test_a_bad_idempotency_key_is_a_400(api: Api, key: str) -> None:
    assert api.submit(ADD, args={"n": 1}, headers={"Idempotency-Key": key}).status_code == 400


def test_a_full_queue_is_a_429_with_retry_after(api: Api, jobs_setting: Any) -> None:
    jobs_setting(MAX_BACKLOG=1)
    assert api.submit(ADD, args={"n": 1}).status_code == 202
    response = api.submit(ADD, args={"n": 1})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert Job.objects.count() == 1


def test_a_database_that_is_away_is_a_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(lifecycle, "insert_job", locked)
    response = api.submit(ADD, args={"n": 1})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_of_very_many_mistakes_some_are_told(api: Api) -> None:
    body = {"task": ADD, "args": {"n": 1}, **{f"wrong{number}": 1 for number in range(150)}}
    response = api.post(JOBS, body)
    assert response.status_code == 422
    assert "150 places" in response.json()["detail"]
    assert len(response.json()["errors"]) == 100


def test_a_body_over_the_limit_is_refused_unread(api: Api, jobs_setting: Any) -> None:
    jobs_setting(MAX_BODY=100)
    response = api.submit(FREE, args={"value": "x" * 100})
    assert response.status_code == 413
    assert response.json()["type"].endswith("#too-large")


def test_a_body_of_more_than_django_reads_at_once_is_accepted(api: Api, jobs_setting: Any) -> None:
    jobs_setting(MAX_BODY=8 * 1024**2)
    value = "x" * (5 * 1024**2)
    assert api.submit(FREE, args={"text": value}).json()["args"]["text"] == value


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_accepted(api: Api, media_type: str) -> None:
    response = api.post(JOBS, {"task": ADD, "args": {"n": 1}}, content_type=media_type)
    assert response.status_code == 415
    assert response.headers["Accept-Post"] == "application/json"


def test_a_bug_is_a_problem_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("jobs.api.submitted.submit_job", broken)
    api.client.raise_request_exception = False
    response = api.submit(ADD, args={"n": 1})
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "ZeroDivision" not in response.content.decode()


def test_a_bug_reaches_djangos_handlers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("jobs.api.submitted.submit_job", broken)
    with pytest.raises(ZeroDivisionError):  # the test client hears of it by Django's signal
        api.submit(ADD, args={"n": 1})
