"""Many jobs of one task, submitted in one go."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.catalog.registry import get_task
from jobs.compat import task_enqueued
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7
from jobs.errors import InvalidArguments, InvalidOptions, UnknownQueue
from jobs.models import Job, UploadUse
from jobs.submission import store_upload
from jobs.submission.submit_many import submit_many
from tests.factories import make_consumer, make_user
from tests.integration.api_tasks import FREE, READ
from tests.integration.recording_broker import RecordingBroker
from tests.testapp.tasks import square

pytestmark = pytest.mark.django_db


def test_each_mapping_becomes_a_job_in_order() -> None:
    ids = square.enqueue_many({"n": n} for n in range(3))
    jobs = Job.objects.order_by("id")
    assert [str(job.id) for job in jobs] == ids
    assert [job.kwargs["n"] for job in jobs] == [0, 1, 2]
    assert {job.status for job in jobs} == {Status.QUEUED}


def test_a_job_of_many_equals_one_submitted_alone() -> None:
    owner = make_user()
    task = square.using(priority=5).options(max_attempts=2, owner=owner)
    alone = Job.objects.get(pk=task.enqueue(n=1).id)
    many = Job.objects.get(pk=task.enqueue_many([{"n": 1}])[0])
    differing = {"id", "created_at", "fair_position"}
    for field in Job._meta.concrete_fields:
        if field.name not in differing:
            assert getattr(many, field.attname) == getattr(alone, field.attname), field.name


def test_they_are_claimed_in_order() -> None:
    before = square.enqueue(n=9).id
    ids = square.enqueue_many({"n": n} for n in range(4))
    consumer = make_consumer()
    claims = lifecycle.claim_jobs("default", 9, consumer.pk, timezone.now())
    assert [str(claim.id) for claim in claims] == [before, *ids]


def test_one_that_does_not_fit_keeps_all_out() -> None:
    with pytest.raises(InvalidArguments) as caught:
        square.enqueue_many([{"n": 1}, {"n": "x"}, {"n": 3}])
    assert caught.value.errors[0]["pointer"] == "/1/n"
    assert not Job.objects.exists()


def test_jobs_that_cannot_be_inserted_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    same = [uuid7()] * 3
    monkeypatch.setattr("jobs.submission.submit_many.uuid7s", lambda count: same)
    with pytest.raises(Exception, match=r"(?i)unique"), transaction.atomic():
        square.enqueue_many({"n": n} for n in range(3))
    assert not Job.objects.exists()


def test_no_arguments_cost_no_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert square.enqueue_many([]) == []
    assert not queries


def test_a_thousand_cost_two_statements() -> None:
    with CaptureQueriesContext(connection) as queries:
        square.enqueue_many({"n": n} for n in range(1000))
    statements = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"]]
    assert len(statements) == 2
    assert Job.objects.count() == 1000


def test_a_unique_key_is_refused() -> None:
    with pytest.raises(InvalidOptions, match="many jobs"):
        square.options(unique_key="once").enqueue_many([{"n": 1}])


def test_a_queue_that_the_project_has_no_more_is_refused(settings: Any) -> None:
    mail = square.using(queue_name="mail")
    settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": ["default"]}}
    with pytest.raises(UnknownQueue, match="mail"):
        submit_many(mail, [{"n": 1}])
    assert not Job.objects.exists()


def test_jobs_for_later_are_scheduled() -> None:
    square.using(run_after=timezone.now() + timedelta(days=1)).enqueue_many([{"n": 1}])
    assert Job.objects.get().status == Status.SCHEDULED


@pytest.mark.django_db(transaction=True)
def test_consumers_are_notified_of_the_first_hundred(broker: RecordingBroker) -> None:
    ids = square.enqueue_many({"n": n} for n in range(300))
    assert [str(job) for _, job in broker.notified] == ids[:100]


def test_more_than_one_statement_takes_go_on_where_the_first_ended(
    broker: RecordingBroker,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    module = import_module("jobs.lifecycle.insert_many")  # its function has the same name
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    monkeypatch.setattr(module, "MOST_NOTIFIED", 3)
    square.enqueue(0)
    with django_capture_on_commit_callbacks(execute=True):
        ids = square.enqueue_many({"n": n} for n in range(5))
    positions = [Job.objects.get(pk=key).fair_position for key in ids]
    assert positions == [1, 2, 3, 4, 5]
    assert [str(job) for _, job in broker.notified] == ids[:3]


def test_the_signal_is_sent_for_each_job() -> None:
    received: list[object] = []

    def listen(task_result: object, **more: object) -> None:
        received.append(task_result.id)  # type: ignore[attr-defined]

    task_enqueued.connect(listen)
    try:
        ids = square.enqueue_many([{"n": 1}, {"n": 2}])
    finally:
        task_enqueued.disconnect(listen)
    assert received == ids


@pytest.mark.usefixtures("api_tasks")
def test_text_that_json_escapes_is_kept() -> None:
    texts = ['"', "\\", "\n", "é", "😀", "\u2028", "[1]", "null", "%s", "?"]
    submit_many(get_task(FREE), ({"text": text} for text in texts))
    assert [job.kwargs["text"] for job in Job.objects.order_by("id")] == texts


@pytest.mark.usefixtures("api_tasks")
def test_files_are_kept_for_their_jobs() -> None:
    upload = store_upload(None, "a.txt", [b"abc"])
    [job] = submit_many(get_task(READ), [{"log": {"upload": str(upload.id)}}])
    assert UploadUse.objects.get(upload=upload).job_id == job
    with pytest.raises(InvalidArguments) as caught:
        submit_many(get_task(READ), [{"log": {"upload": str(uuid7())}}])
    assert caught.value.errors[0]["pointer"] == "/0/log"
