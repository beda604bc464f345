"""GET /tasks, /queues, /healthz, /readyz and /metrics."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.api import schemas
from jobs.api.metrics import exposition
from jobs.api.views import ops
from jobs.api.views.queues import queue_states
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.models import Attempt, Consumer, Job, Queue
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD, NARROW, SECRET


def make(queue: str, status: Status, count: int = 1, **values: Any) -> list[Job]:
    rows = [
        Job(**{"id": uuid7(), "task": ADD, "queue": queue, "status": status, **values})
        for _ in range(count)
    ]
    return Job.objects.bulk_create(rows)


def queue_of(api: Api, name: str) -> dict[str, Any]:
    """What the API says of a queue."""
    items = api.get("/api/v1/queues").json()["items"]
    found: dict[str, Any] = next(item for item in items if item["name"] == name)
    return found


def test_the_tasks_that_can_be_handed_in(api: Api) -> None:
    items = {item["name"]: item for item in api.get("/api/v1/tasks").json()["items"]}
    told = items[ADD]
    assert (told["title"], told["description"]) == ("Add numbers", "Add two numbers.")
    assert (told["queue"], told["priority"], told["max_attempts"]) == ("default", 5, 3)
    assert (told["executor"], told["permission"], told["allowed"]) == ("thread", None, True)
    assert told["schema"]["properties"]["n"]["minimum"] == 0
    assert told["schema"]["required"] == ["n"]
    assert told["links"] == {"self": f"/api/v1/tasks/{ADD}", "html": f"/tasks/{ADD}/"}
    assert api.get(told["links"]["self"]).json() == told


def test_whether_the_caller_may(api: Api, ada: User, chief: User) -> None:
    def allowed(reader: Api, name: str) -> bool:
        told: bool = reader.get(f"/api/v1/tasks/{name}").json()["allowed"]
        return told

    assert not allowed(api, SECRET)
    assert not allowed(api, NARROW)
    assert allowed(Api(chief), SECRET)
    ada.user_permissions.add(Permission.objects.get(codename="view_queue"))
    assert allowed(api, NARROW)


def test_an_unknown_task_has_nearest_names(api: Api) -> None:
    answer = api.get("/api/v1/tasks/add_numbers")
    assert answer.status_code == 404
    assert ADD in answer.json()["nearest"]


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
    told = queue_of(api, "mail")
    assert (told["waiting"], told["scheduled"], told["running"]) == (3, 2, 1)
    assert (told["paused"], told["consumers"]) == (True, 1)
    assert 120 <= told["oldest_waiting_seconds"] < 240
    assert queue_of(api, "default")["consumers"] == 1


def test_a_job_waits_since_it_could_have_been_taken(db: None) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    make("due", Status.QUEUED, created_at=now - day, run_after=now - timedelta(seconds=5))
    again = make("again", Status.QUEUED, created_at=now - day, attempt=1)[0]
    Attempt.objects.create(
        job=again, number=1, ended_at=now - timedelta(seconds=9), outcome=AttemptOutcome.FAILED
    )
    told = {state["name"]: state["oldest_waiting_seconds"] for state in queue_states(now)}
    assert (told["due"], told["again"]) == (5, 9)


def test_queues_cost_the_same_however_full(api: Api, django_assert_max_num_queries: Any) -> None:
    make("mail", Status.QUEUED, 50)
    make("default", Status.QUEUED, 50)
    with django_assert_max_num_queries(8):
        api.get("/api/v1/queues")


def test_alive_without_a_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready() -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_not_ready_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setattr(ops, "connection", away)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "10.0.0.1" not in answer.content.decode()


SAMPLE = re.compile(r'^(\w+)(\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[\d.]+(?:e[+-]\d+)?)$')


def samples(text: str) -> dict[str, float]:
    """Read the format as Prometheus does: a name is declared once, before its samples."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    declared = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            declared = line.split()[2]
            assert not any(name.startswith((declared + "{", declared + " ")) for name in found)
        elif line.startswith("# TYPE "):
            assert line.split()[2:] == [declared, "gauge"]
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == declared
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_metrics(api: Api) -> None:
    make("default", Status.QUEUED, 2)
    make("default", Status.FAILED, 3)
    answer = api.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = samples(answer.content.decode())
    assert told['jobdesk_jobs{queue="default",status="queued"}'] == 2
    assert told['jobdesk_jobs_kept{status="failed"}'] == 3
    assert told['jobdesk_queue_consumers{queue="default"}'] == 0
    assert told["jobdesk_backlog_limit"] == 100_000


def test_metrics_are_for_staff_or_a_token(ada: User, chief: User) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get("/metrics").status_code == 403
    client.force_login(chief)
    assert client.get("/metrics").status_code == 200


def test_a_queue_with_an_odd_name_does_not_break_the_format(db: None) -> None:
    Queue.objects.create(name='a"b\\c\nd')
    told = samples(exposition(queue_states(timezone.now())))
    assert told['jobdesk_queue_paused{queue="a\\"b\\\\c\\nd"}'] == 0


def test_large_numbers_are_whole(db: None) -> None:
    state: schemas.Queue = {
        "name": "q",
        "waiting": 123_456_789,
        "scheduled": 0,
        "running": 0,
        "paused": False,
        "oldest_waiting_seconds": 0.25,
        "consumers": 0,
    }
    told = samples(exposition([state]))
    assert told['jobdesk_jobs{queue="q",status="queued"}'] == 123_456_789
