"""Serving queues that nobody listed: an outage is no end of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import OperationalError

from jobs import lifecycle
from jobs.consumer import any_queue
from jobs.consumer.any_queue import AnyQueue
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.thread_signals import ThreadSignals


class Everything:
    """The broker, the registration and the connection of one consumer."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.registered: list[str] = []
        self.replaced = 0

    def consume(self, queues: Sequence[str], port: object, threads: int) -> None:
        self.served += queues

    def add_queues(self, queues: Sequence[str]) -> None:
        self.registered += queues

    def close_if_unusable_or_obsolete(self) -> None:
        self.replaced += 1


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Everything:
    made = Everything()
    monkeypatch.setattr(any_queue, "connection", lambda: made)
    return made


@pytest.fixture
def made(parts: Any) -> AnyQueue:
    polls = QueuePolls(["known"], ThreadSignals())
    return AnyQueue(parts, parts, polls, parts, 1)


def test_each_queue_is_served_from_when_it_is_seen(
    parts: Everything, made: AnyQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "waiting_queues", lambda: {"known", "b", "a"})
    assert made.serve_new()
    assert not made.serve_new(), "they are known now"
    assert parts.served == parts.registered == ["a", "b"]


def test_it_is_asked_again_after_an_outage(
    parts: Everything, made: AnyQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = OperationalError("the server closed the connection unexpectedly")
    asked: list[Exception] = []
    monkeypatch.setattr(any_queue, "reconnect_after", asked.append)

    def refuse() -> set[str]:
        raise away

    monkeypatch.setattr(lifecycle, "waiting_queues", refuse)
    assert not made.serve_new()
    assert parts.replaced == 1, "a broken connection would fail for ever"
    assert asked == [away], "one that takes no writes is replaced as well"
    monkeypatch.setattr(lifecycle, "waiting_queues", lambda: {"new"})
    assert made.serve_new()
    assert parts.served == ["new"]


def test_a_fault_that_is_no_shortage_is_raised(
    parts: Everything, made: AnyQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(lifecycle, "waiting_queues", lambda: {"new"})
    monkeypatch.setattr(parts, "consume", fail)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        made.serve_new()
