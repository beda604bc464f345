"""``/metrics``: who may read it, its format, and what each number is taken from."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.api.metrics import exposition
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.models import Consumer, Job, QuarantinedMessage, Queue
from jobs.queries import capacity, database_health, stats, storage_health
from jobs.queries.queue_states import queue_states
from tests.factories import end, make_consumer, make_job, record, take_one
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD
from tests.prometheus import declared, samples

pytestmark = pytest.mark.django_db


def shown() -> dict[str, float]:
    """The metrics as they are now."""
    database_health._health.forget()
    now = timezone.now()
    return samples(exposition(queue_states(now), now))


def test_the_response(api: Api) -> None:
    for status, count in ((Status.QUEUED, 2), (Status.FAILED, 3)):
        for _ in range(count):
            make_job(task=ADD, status=status)
    response = api.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(response.content.decode())
    assert found['jobdesk_jobs{queue="default",status="queued"}'] == 2
    assert found['jobdesk_jobs_kept{status="failed"}'] == 3
    assert found['jobdesk_jobs_kept{status="cancelled"}'] == 0
    assert found['jobdesk_queue_consumers{queue="default"}'] == 0
    assert found["jobdesk_backlog_limit"] == 100_000


def test_they_say_when_jobs_cannot_be_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown()["jobdesk_ready"] == 1
    monkeypatch.setattr(storage_health, "MIN_FREE_BYTES", 10**18)
    assert shown()["jobdesk_ready"] == 0
    monkeypatch.undo()
    monkeypatch.setattr(database_health, "write_problem", lambda db: database_health.READ_ONLY)
    assert shown()["jobdesk_ready"] == 0


def test_they_are_for_staff_or_a_token(ada: User, chief: User) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get("/metrics").status_code == 403
    client.force_login(chief)
    assert client.get("/metrics").status_code == 200


def test_the_names_follow_the_conventions_of_prometheus() -> None:
    make_consumer()
    now = timezone.now()
    found = declared(exposition(queue_states(now), now))
    assert all(re.fullmatch(r"jobdesk_[a-z_]+", name) for name in found)
    assert {name for name in found if name.endswith("_total")} == {
        name for name, kind in found.items() if kind == "counter"
    }
    histograms = {name for name, kind in found.items() if kind == "histogram"}
    assert histograms == {"jobdesk_wait_seconds", "jobdesk_run_seconds"}


def test_names_that_are_odd_do_not_break_the_format() -> None:
    odd = 'a"b\\c\nd'
    Queue.objects.create(name=odd)
    record(task=odd)
    end(take_one())
    found = shown()
    written = '"a\\"b\\\\c\\nd"'
    assert found[f"jobdesk_queue_paused{{queue={written}}}"] == 0
    labels = f'task={written},queue="default",status="succeeded"'
    assert found[f"jobdesk_jobs_finished_total{{{labels}}}"] == 1


def test_large_numbers_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "quarantined_messages", lambda: 123_456_789)
    now = timezone.now()
    assert "jobdesk_quarantined_messages 123456789\n" in exposition([], now)


def test_counters_and_histograms_of_a_task() -> None:
    record()
    end(take_one(), AttemptOutcome.TIMED_OUT, seconds=0.7)
    found = shown()
    task = 'task="testapp.square",queue="default"'
    assert found[f'jobdesk_attempts_total{{{task},outcome="timed_out"}}'] == 1
    assert found[f"jobdesk_attempts_retried_total{{{task}}}"] == 1
    assert found[f'jobdesk_jobs_finished_total{{{task},status="failed"}}'] == 0
    assert found[f'jobdesk_run_seconds_bucket{{{task},le="0.5"}}'] == 0
    assert found[f'jobdesk_run_seconds_bucket{{{task},le="1"}}'] == 1
    assert found[f'jobdesk_run_seconds_bucket{{{task},le="+Inf"}}'] == 1
    assert found[f"jobdesk_run_seconds_count{{{task}}}"] == 1
    assert found[f"jobdesk_run_seconds_sum{{{task}}}"] == 0.7
    assert found[f"jobdesk_wait_seconds_count{{{task}}}"] == 1


def test_slots_are_counted_by_the_queues_that_they_serve() -> None:
    both = make_consumer(["default", "mail"], concurrency=3).pk
    mail = make_consumer(["mail"], concurrency=2).pk
    dead = make_consumer(["mail"], concurrency=9, dead_at=timezone.now()).pk
    for consumer, running in ((both, 5), (mail, 1), (dead, 1), (uuid7(), 1)):
        for _ in range(running):  # more than it has slots: they are claimed ahead
            make_job(status=Status.RUNNING, consumer_id=consumer)
    found = shown()
    assert found["jobdesk_consumers"] == 2
    assert (found["jobdesk_slots"], found["jobdesk_slots_busy"]) == (5, 4)
    assert found['jobdesk_queue_slots{queue="default"}'] == 3
    assert found['jobdesk_queue_slots_busy{queue="default"}'] == 3
    assert found['jobdesk_queue_slots{queue="mail"}'] == 5
    assert found['jobdesk_queue_slots_busy{queue="mail"}'] == 4


def test_a_queue_that_nobody_serves_has_no_slots() -> None:
    found = shown()
    assert found['jobdesk_queue_slots{queue="default"}'] == 0
    assert found['jobdesk_queue_slots_busy{queue="default"}'] == 0


def test_the_last_heartbeat_is_that_of_any_consumer() -> None:
    assert "jobdesk_last_heartbeat_timestamp_seconds" not in shown()
    now = timezone.now().replace(microsecond=0)
    make_consumer(heartbeat_at=now - timedelta(minutes=5))
    make_consumer(heartbeat_at=now - timedelta(minutes=9), dead_at=now)
    found = shown()["jobdesk_last_heartbeat_timestamp_seconds"]
    assert found == (now - timedelta(minutes=5)).timestamp()
    assert Consumer.objects.count() == 2


def test_a_prune_is_overdue_by_its_oldest_job() -> None:
    assert shown()["jobdesk_prune_overdue_seconds"] == 0
    now = timezone.now()
    make_job(status=Status.SUCCEEDED, finished_at=now - timedelta(days=30, hours=-1))
    assert shown()["jobdesk_prune_overdue_seconds"] == 0
    make_job(status=Status.SUCCEEDED, finished_at=now - timedelta(days=32))
    overdue = shown()["jobdesk_prune_overdue_seconds"]
    assert 2 * 86_400 <= overdue < 2 * 86_400 + 600


def test_messages_in_quarantine() -> None:
    QuarantinedMessage.objects.create(queue="default", body="x", reason="no JSON")
    assert shown()["jobdesk_quarantined_messages"] == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.QUEUED])
def test_counting_stops_where_it_would_take_long(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (capacity, stats):
        monkeypatch.setattr(module, "CAP", 2)
    for _ in range(3):
        make_job(status=status)
    sample = {
        Status.FAILED: 'jobdesk_jobs_kept{status="failed"}',
        Status.QUEUED: 'jobdesk_jobs{queue="default",status="queued"}',
    }
    assert shown()[sample[status]] == 2


def test_the_number_of_statements_does_not_grow() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown()
        return len(queries)

    make_job()
    few = statements()
    for number in range(4):
        make_consumer([f"q{number}"])
        for status in Status:
            make_job(queue=f"q{number}", task=f"t{number}", status=status)
    assert (statements(), Job.objects.count()) == (few, 25)
