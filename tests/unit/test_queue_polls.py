"""No request for a poll is lost, whenever it comes between the plan of a batch and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.thread_signals import ThreadSignals

QUEUE = "default"


class Conditions:
    """Stands in for a condition: notes what a waiter would have waited for, and waits for none."""

    def __init__(self) -> None:
        self.held: list[bool] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def wait_for(self, predicate: Callable[[], Any], seconds: float) -> None:
        self.held.append(bool(predicate()))


@pytest.fixture
def signals() -> ThreadSignals:
    return ThreadSignals()


@pytest.fixture
def polls(signals: ThreadSignals) -> QueuePolls:
    made = QueuePolls([QUEUE], signals)
    made.record(QUEUE, made.next_batch(), limit=1, found=0)
    assert made.found_none()
    return made


def test_a_job_that_comes_before_the_plan_is_found_by_that_poll(polls: QueuePolls) -> None:
    polls.request_poll()
    polls.record(QUEUE, polls.next_batch(), limit=1, found=0)
    assert polls.found_none()


def test_a_job_that_comes_while_a_batch_is_written_is_polled_for_again(polls: QueuePolls) -> None:
    batch = polls.next_batch()
    polls.request_poll([QUEUE])
    polls.record(QUEUE, batch, limit=1, found=0)
    assert polls.may_have_jobs(QUEUE), "the poll may have come before the job's commit"
    polls.record(QUEUE, polls.next_batch(), limit=1, found=0)
    assert not polls.may_have_jobs(QUEUE)


def test_who_waits_for_a_poll_is_not_told_of_one_that_was_planned_before(
    polls: QueuePolls, signals: ThreadSignals
) -> None:
    conditions: Any = Conditions()
    batch = polls.next_batch()
    polls.request_poll()
    polls.record(QUEUE, batch, limit=1, found=0)
    signals.changed = conditions
    polls.wait_until_polled(0)
    polls.record(QUEUE, polls.next_batch(), limit=1, found=0)
    polls.wait_until_polled(0)
    assert conditions.held == [False, True]


def test_a_message_is_acknowledged_after_a_poll_that_was_planned_after_it(
    polls: QueuePolls, signals: ThreadSignals
) -> None:
    def write_a_batch() -> None:
        assert signals.work.wait(60)
        with signals.changed:
            polls.record(QUEUE, polls.next_batch(), limit=1, found=1)
            signals.changed.notify_all()

    writer = threading.Thread(target=write_a_batch)
    writer.start()
    assert polls.poll_and_wait(QUEUE, 60)
    writer.join()
    assert not polls.poll_and_wait(QUEUE, 0), "that poll does not count for the next message"


@pytest.mark.parametrize(
    "ask",
    [
        lambda polls: polls.request_poll(),
        lambda polls: polls.request_poll([QUEUE]),
        lambda polls: polls.add_queues(["mail"]),
        lambda polls: polls.poll_and_wait(QUEUE, 0),
    ],
)
def test_a_request_wakes_the_batch_writer(
    polls: QueuePolls, signals: ThreadSignals, ask: Callable[[QueuePolls], object]
) -> None:
    ask(polls)
    assert signals.work.is_set()
    assert not polls.found_none()


def test_other_queues_are_left_alone(polls: QueuePolls) -> None:
    polls.request_poll(["mail"])
    assert polls.found_none()
