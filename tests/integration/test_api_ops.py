"""GET /tasks, /queues, /healthz, /readyz and /metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.models import Attempt, Consumer, Job
from jobs.queries import database_health
from jobs.queries.queue_states import queue_states
from tests.factories import make_user, record
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD, NARROW, SECRET


def make(queue: str, status: Status, count: int = 1, **values: Any) -> list[Job]:
    rows = [
        Job(**{"id": uuid7(), "task": ADD, "queue": queue, "status": status, **values})
        for _ in range(count)
    ]
    return Job.objects.bulk_create(rows)


def queue_of(api: Api, name: str) -> dict[str, Any]:
    """A queue as the API shows it."""
    items = api.get("/api/v1/queues").json()["items"]
    found: dict[str, Any] = next(item for item in items if item["name"] == name)
    return found


def test_the_tasks_that_can_be_submitted(api: Api) -> None:
    items = {item["name"]: item for item in api.get("/api/v1/tasks").json()["items"]}
    shown = items[ADD]
    assert (shown["title"], shown["description"]) == ("Add numbers", "Add two numbers.")
    assert (shown["queue"], shown["priority"], shown["max_attempts"]) == ("default", 5, 3)
    assert (shown["executor"], shown["permission"], shown["allowed"]) == ("thread", None, True)
    assert shown["schema"]["properties"]["n"]["minimum"] == 0
    assert shown["schema"]["required"] == ["n"]
    assert shown["links"] == {
        "self": f"/api/v1/tasks/{ADD}",
        "html": f"/tasks/{ADD}/",
        "jobs": f"/api/v1/tasks/{ADD}/jobs",
    }
    assert api.get(shown["links"]["self"]).json() == shown


def test_whether_the_caller_may(api: Api, ada: User, chief: User) -> None:
    def allowed(reader: Api, name: str) -> bool:
        shown: bool = reader.get(f"/api/v1/tasks/{name}").json()["allowed"]
        return shown

    assert not allowed(api, SECRET)
    assert not allowed(api, NARROW)
    assert allowed(Api(chief), SECRET)
    ada.user_permissions.add(Permission.objects.get(codename="view_queue"))
    assert allowed(api, NARROW)


def test_an_unknown_task_has_nearest_names(api: Api) -> None:
    response = api.get("/api/v1/tasks/add_numbers")
    assert response.status_code == 404
    assert ADD in response.json()["nearest"]


def test_an_empty_queue(api: Api) -> None:
    assert queue_of(api, "default") == {
        "name": "default",
        "waiting": 0,
        "scheduled": 0,
        "running": 0,
        "paused": False,
        "oldest_waiting_seconds": None,
        "consumers": 0,
    }


def test_a_queue_in_use(api: Api) -> None:
    now = timezone.now()
    make("mail", Status.QUEUED, 3, created_at=now - timedelta(minutes=2))
    make("mail", Status.SCHEDULED, 2, run_after=now + timedelta(hours=1))
    make("mail", Status.RUNNING)
    make("mail", Status.SUCCEEDED, 4)
    make("other", Status.FAILED)
    lifecycle.set_paused("mail", True)
    lifecycle.register("host", 1, ["mail", "default"], 4)
    Consumer.objects.create(host="gone", pid=2, queues=["mail"], dead_at=now)
    shown = queue_of(api, "mail")
    assert (shown["waiting"], shown["scheduled"], shown["running"]) == (3, 2, 1)
    assert (shown["paused"], shown["consumers"]) == (True, 1)
    assert 120 <= shown["oldest_waiting_seconds"] < 240
    assert queue_of(api, "default")["consumers"] == 1


def test_a_job_waits_since_it_could_have_been_taken(db: None) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    make("due", Status.QUEUED, created_at=now - day, run_after=now - timedelta(seconds=5))
    again = make("again", Status.QUEUED, created_at=now - day, attempt=1)[0]
    Attempt.objects.create(
        job=again, number=1, ended_at=now - timedelta(seconds=9), outcome=AttemptOutcome.FAILED
    )
    shown = {state["name"]: state["oldest_waiting_seconds"] for state in queue_states(now)}
    assert (shown["due"], shown["again"]) == (5, 9)


def test_an_old_job_that_has_just_come_due_does_not_hide_one_that_waits(db: None) -> None:
    now = timezone.now()
    record(created_at=now - timedelta(days=9), run_after=now - timedelta(seconds=1))
    record(created_at=now - timedelta(seconds=70))
    lifecycle.promote_due(now)
    shown = next(state for state in queue_states(now) if state["name"] == "default")
    assert (shown["waiting"], shown["oldest_waiting_seconds"]) == (2, 70)


def test_the_oldest_waits_in_any_priority_and_of_any_owner(db: None) -> None:
    now = timezone.now()
    users = [make_user(f"user{number}") for number in range(3)]
    for queue, oldest in (("default", -100), ("mail", 0), ("batch", 100)):
        for seconds in range(30):
            record(
                queue=queue,
                priority=(-100, 0, 100)[seconds % 3],
                owner=users[seconds // 3 % 3],
                created_at=now - timedelta(seconds=60 - seconds),
            )
        record(queue=queue, priority=oldest, created_at=now - timedelta(seconds=90))
    shown = {state["name"]: state["oldest_waiting_seconds"] for state in queue_states(now)}
    assert shown == {"default": 90, "mail": 90, "batch": 90}


def test_queues_cost_the_same_however_full(api: Api, django_assert_max_num_queries: Any) -> None:
    make("mail", Status.QUEUED, 50)
    make("default", Status.QUEUED, 50)
    with django_assert_max_num_queries(8):
        api.get("/api/v1/queues")


def test_alive_without_a_database() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready() -> None:
    response = Client().get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


def test_not_ready_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setattr(database_health, "connection", away)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "10.0.0.1" not in response.content.decode()
