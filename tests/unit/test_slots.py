"""Who wakes whom: claims and the threads that wait for them, outcomes and the batch writer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from jobs.consumer import slots as module
from jobs.consumer.attempt import Attempt
from jobs.consumer.batch import BatchResult
from jobs.consumer.duration_stats import DurationStats
from jobs.consumer.outcomes import outcome_of_error
from jobs.consumer.pending_writes import PendingWrites
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.slots import Slots
from jobs.consumer.thread_signals import ThreadSignals
from tests.claims import make_claim

QUEUE = "default"


class Consumer:
    """Two slots, and what the batch writer does to them, step by step."""

    def __init__(self) -> None:
        self.signals = ThreadSignals()
        self.polls = QueuePolls([QUEUE], self.signals)
        self.slots = Slots(2, "here:7", self.signals, self.polls, PendingWrites(), DurationStats())

    def write(self, *, jobs: int) -> dict[str, int]:
        """Plan and write a batch that finds so many jobs; return what it was to claim."""
        batch = self.slots.plan()
        found = {queue: [make_claim() for _ in range(jobs)] for queue in batch.claims}
        self.slots.done(batch, BatchResult(claims=found))
        return batch.claims


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Consumer:
    monkeypatch.setattr(module, "TAKE_SECONDS", 0.0)
    return Consumer()


def test_a_thread_that_waits_has_its_queue_polled(consumer: Consumer) -> None:
    consumer.slots.take(QUEUE)
    assert consumer.signals.work.is_set()


def test_nothing_is_claimed_for_a_queue_without_a_waiting_thread(consumer: Consumer) -> None:
    consumer.slots.take(QUEUE)
    assert consumer.write(jobs=1) == {}


def test_claims_wake_the_thread_that_waits_for_them(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAKE_SECONDS", 3600.0)
    taken: list[Sequence[Attempt]] = []
    thread = threading.Thread(target=lambda: taken.append(consumer.slots.take(QUEUE)), daemon=True)
    thread.start()
    assert consumer.signals.work.wait(60)
    assert consumer.write(jobs=1) == {QUEUE: 2}
    thread.join(20)
    assert [len(one) for one in taken] == [1]


def test_an_outcome_wakes_the_batch_writer_and_who_waits_for_a_slot(consumer: Consumer) -> None:
    batch = consumer.slots.plan()
    batch.claims = {QUEUE: 1}
    consumer.slots.done(batch, BatchResult(claims={QUEUE: [make_claim()]}))
    (attempt,) = consumer.slots.take(QUEUE)
    assert consumer.slots.running() == [attempt]
    consumer.signals.work.clear()
    assert attempt.settle(outcome_of_error(attempt.claim, ValueError()))
    assert consumer.signals.work.is_set()
    assert consumer.slots.wait_until_drained(0)
    assert not consumer.slots.is_idle(), "its outcome is not written yet"
    assert len(consumer.slots.plan().outcomes) == 1


def test_a_quiet_consumer_that_goes_on_polls_at_once(consumer: Consumer) -> None:
    consumer.polls.record(QUEUE, consumer.polls.next_batch(), limit=1, found=0)
    consumer.slots.set_quiet(True)
    assert (consumer.slots.wait_for_free(0), consumer.polls.found_none()) == (0, True)
    consumer.slots.set_quiet(False)
    assert (consumer.slots.wait_for_free(0), consumer.polls.found_none()) == (2, False)
    assert consumer.signals.work.is_set()


# A queue with slots of its own.


def test_what_runs_in_slots_of_its_own_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TAKE_SECONDS", 0.0)
    signals = ThreadSignals()
    polls = QueuePolls([QUEUE, "own"], signals)
    parts = (signals, polls, PendingWrites(), DurationStats())
    slots = Slots(2, "here:7", *parts, {"own": 3})

    def write(queue: str, jobs: int) -> dict[str, int]:
        batch = slots.plan()
        batch.claims = {queue: batch.claims.get(queue, 0)}
        found = [make_claim(queue=queue) for _ in range(jobs)]
        slots.done(batch, BatchResult(claims={queue: found}))
        return batch.claims

    write("own", 3)
    assert slots.wait_for_free(0) == 2
    assert slots.wait_for_free(0, "own") == 0
    write(QUEUE, 2)
    assert slots.wait_for_free(0) == 0
    slots._waiting = {QUEUE, "own"}
    assert slots.plan().claims == {}
    attempt = next(one for one in slots.running() if one.claim.queue == "own")
    attempt.release("it is over")
    assert slots.wait_for_free(0) == 0
    assert slots.wait_for_free(0, "own") == 1
    assert slots.plan().claims == {"own": 1}
    slots.set_quiet(True)
    assert slots.wait_for_free(0, "own") == 0
