"""A message of another program, and a database that cannot record it now."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, ProgrammingError
from django.utils import timezone

from jobs.brokers.base import ReceivedMessage
from jobs.consumer import ingest as module
from jobs.consumer.ingest import ingest
from jobs.core.uuid7 import uuid7
from jobs.models import Job, QuarantinedMessage
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def message(jobs_setting: Any) -> ReceivedMessage:
    """A job that is not recorded yet."""
    make_user("ada")
    jobs_setting(FOREIGN_OWNER="ada")
    body = f'{{"job_id": "{uuid7()}", "task": "testapp.square", "args": {{"n": 3}}}}'
    return ReceivedMessage(handle=b"1", body=body.encode())


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception, state: str) -> None:
    """Let the database refuse to record a job."""
    error.__cause__ = type("Driver", (Exception,), {"sqlstate": state})()

    def refused(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(module, "submit_job", refused)


@pytest.mark.parametrize("state", ["42703", "42501", "25006"])
def test_a_message_is_kept_while_the_database_is_not_fit(
    message: ReceivedMessage,
    state: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not quarantined, and said once: it is read again every second."""
    with monkeypatch.context() as patch:
        refuse(patch, ProgrammingError("column does not exist"), state)
        assert [ingest("default", "redis", message) for _ in range(3)] == [False] * 3
    assert not QuarantinedMessage.objects.exists()
    assert ingest("default", "redis", message)
    assert Job.objects.get().kwargs == {"n": 3}
    assert ingest("default", "redis", message)
    said = [record.message for record in caplog.records]
    assert said == [
        "A message in default must wait: column does not exist",
        "Messages in default are recorded again.",
    ]


def test_a_value_that_the_database_refuses_keeps_no_other_message_waiting(
    message: ReceivedMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, DataError("out of range"), "22003")
    assert ingest("default", "redis", message)
    assert QuarantinedMessage.objects.get().reason == "DataError: out of range"


def test_what_was_received_is_shown_with_its_quarantine() -> None:
    """One that is no JSON, and one without a body, of which the source shows the rest."""
    foreign = ReceivedMessage("2", None, b"field=\xff")
    for received in (ReceivedMessage("1", b"no JSON", b"-"), foreign):
        assert ingest("default", "redis", received)
    shown = QuarantinedMessage.objects.order_by("pk").values_list("body", flat=True)
    assert list(shown) == ["no JSON", r"field=\xff"]


def test_without_an_owner_a_job_is_not_recorded(
    message: ReceivedMessage, jobs_setting: Any
) -> None:
    for name in ("", "nobody"):
        jobs_setting(FOREIGN_OWNER=name)
        assert ingest("default", "redis", message)
    reasons = set(QuarantinedMessage.objects.values_list("reason", flat=True))
    assert reasons == {"JOBS_FOREIGN_OWNER names no user who would own the job"}
    assert not Job.objects.exists()


def test_a_fault_of_ours_is_raised_where_nothing_can_be_recorded(
    message: ReceivedMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text says that of the receiver's thread; the message waits there."""

    def fail(*_: Any) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(module, "_quarantine", fail)
    with pytest.raises(KeyError):
        ingest("default", "redis", ReceivedMessage("1", b"no JSON"))


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (1, "job_id was made in the future"),
        (-100, "job_id is older than jobs are kept"),
        (0, ""),
    ],
)
def test_a_job_of_a_time_that_cannot_be_is_not_recorded(
    message: ReceivedMessage, jobs_setting: Any, days: int, reason: str
) -> None:
    jobs_setting(RETENTION_DAYS=90, FOREIGN_OWNER="ada")
    made = timezone.now() + timedelta(days=days)
    # Not by our function, whose ids only ever rise.
    job = uuid.UUID(int=int(made.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62)
    body = f'{{"job_id": "{job}", "task": "testapp.square", "args": {{"n": 3}}}}'
    assert ingest("default", "redis", ReceivedMessage("1", body.encode()))
    found = QuarantinedMessage.objects.values_list("reason", flat=True)
    assert list(found) == ([reason] if reason else [])
