"""A consumer in the table: its lock comes first, and what an operator asks outlives its id."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from jobs import lifecycle
from jobs.consumer import consumer_lock
from jobs.consumer.registration import Registration
from jobs.models import Consumer, ConsumerRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]


@pytest.mark.parametrize("requested", [ConsumerRequest.NONE, ConsumerRequest.QUIET])
def test_one_that_registers_anew_is_asked_the_same(requested: ConsumerRequest) -> None:
    """Otherwise a frozen machine would take jobs again that an operator has made quiet."""
    made = Registration(["a"], 2)
    before, made.requested = made.id, requested
    made.renew()
    assert made.id != before
    assert Consumer.objects.get(pk=made.id).requested == requested.value
    made.remove()


def test_one_that_cannot_register_leaves_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Any] = []
    monkeypatch.setattr(consumer_lock, "remove", removed.append)

    def refuse(host: str, pid: int, queues: Any, concurrency: int, consumer: Any) -> None:
        held.append(consumer)
        raise OperationalError("away")

    held: list[Any] = []
    monkeypatch.setattr(lifecycle, "register", refuse)
    with pytest.raises(OperationalError):
        Registration(["a"], 2)
    assert removed == held


def test_it_serves_the_queues_that_are_added() -> None:
    made = Registration(["a"], 2)
    made.add_queues(["b"])
    made.add_queues(["c"])
    assert Consumer.objects.get(pk=made.id).queues == ["a", "b", "c"]
    made.remove()
    assert not Consumer.objects.filter(pk=made.id).exists()


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed")])
def test_one_that_cannot_say_that_it_leaves_keeps_its_file(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A free lock is what tells the others: without the file they would wait for the lease."""
    made = Registration(["a"], 2)
    removed: list[Any] = []

    def refuse(consumer: Any) -> None:
        raise error

    monkeypatch.setattr(lifecycle, "deregister", refuse)
    monkeypatch.setattr(consumer_lock, "remove", removed.append)
    made.remove()
    assert removed == []
    assert "The database does not know that this consumer left" in caplog.text
    assert consumer_lock.is_proof_of_death(made.id)
