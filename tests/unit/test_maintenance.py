"""What a consumer does between transactions, who is polled for it, and when it is due again."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import maintenance, timer
from jobs.consumer.batch import Batch, BatchResult
from jobs.consumer.batch_writer import BatchWriter
from jobs.consumer.maintenance import IDLE_TICK_SECONDS, TICK_SECONDS, Maintenance
from jobs.consumer.outcomes import outcome_of_error, outcome_of_value
from jobs.consumer.thread_signals import ThreadSignals
from jobs.consumer.timer import Timer
from jobs.lifecycle import Outcome
from jobs.models import ConsumerRequest
from tests.claims import make_claim


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timer, "time", made)
    return made


def test_a_timer_may_come_early_by_its_slack(clock: Clock) -> None:
    every_ten = Timer(10.0, slack=0.1)
    clock.now = 8.9
    assert not every_ten.is_due()
    clock.now = 9.1
    assert not every_ten.is_due(early=False)
    assert every_ten.is_due()
    clock.now = 19.2
    assert every_ten.is_due(early=False)


def test_nothing_comes_early_while_a_job_waits(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Maintenance, "_rescue_orphans", lambda me: done.append("rescue"))
    monkeypatch.setattr(Maintenance, "_run_tick", lambda me: done.append("tick"))
    settings.JOBS = {**settings.JOBS, "SWEEP_SECONDS": 3600}
    unused: Any = None
    polls: Any = SimpleNamespace(request_poll=lambda: None)
    made = Maintenance(unused, unused, polls, unused)
    made.run_due()
    done.clear()

    clock.now = maintenance.RESCUE_SECONDS * 0.95
    made.run_due(early=False)
    assert done == []
    made.run_due()
    assert done == ["rescue"]


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONSUMER = uuid.UUID(int=7)
UNUSED: Any = None


class Ledger:
    """Stands in for what maintenance works on: notes what was called, and answers as it is set."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.due: datetime | None = None
        self.found: set[str] = set()
        self.attempts: list[Any] = []

    def note(self, name: str, answer: Any = None) -> Any:
        def called(*_: Any, **__: Any) -> Any:
            self.calls.append(name)
            return answer() if callable(answer) else answer

        return called

    def some(self, name: str) -> Any:
        return self.note(name, lambda: [name] if name in self.found else [])

    @property
    def lifecycle(self) -> Any:
        return SimpleNamespace(
            mark_dead=self.note("mark_dead", True),
            next_due=lambda: self.due,
            orphaned_consumers=lambda: {CONSUMER},
            promote_due=self.note("promote"),
            release_unconfirmed=self.some("unconfirmed"),
            requested_cancels=lambda consumer: {},
            rescue_jobs=self.some("rescued"),
            write_transaction=nullcontext,
        )


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger()
    broker = SimpleNamespace(adopt_pending=made.note("adopt"))
    monkeypatch.setattr(maintenance, "lifecycle", made.lifecycle)
    monkeypatch.setattr(maintenance, "timezone", SimpleNamespace(now=lambda: NOW))
    monkeypatch.setattr(maintenance, "check_identity", lambda: None)
    monkeypatch.setattr(maintenance, "get_broker", lambda: broker)
    monkeypatch.setattr(maintenance, "finished_signals", SimpleNamespace(add=lambda *_: None))
    return made


@pytest.fixture
def idle(ledger: Ledger, clock: Clock, settings: Any) -> Maintenance:
    """Maintenance of which everything was done a moment ago."""
    settings.JOBS = {**settings.JOBS, "SWEEP_SECONDS": 3600, "LEASE_SECONDS": 3600}
    registration: Any = SimpleNamespace(
        id=CONSUMER, renew=ledger.note("renew"), requested=ConsumerRequest.NONE
    )
    slots: Any = SimpleNamespace(
        held=set, running=lambda: ledger.attempts, set_quiet=lambda quiet: None
    )
    polls: Any = SimpleNamespace(request_poll=ledger.note("poll"))
    children: Any = SimpleNamespace(trim=lambda: None)
    made = Maintenance(registration, slots, polls, children)
    nobody: Any = SimpleNamespace(proven_dead=lambda me: [], silent=lambda me: [])
    made._detector = nobody
    made.run_due()
    clock.now = IDLE_TICK_SECONDS
    ledger.calls.clear()
    return made


def rescues(made: Maintenance, clock: Clock) -> None:
    clock.now += maintenance.RESCUE_SECONDS
    made.run_due()


def test_an_idle_consumer_sleeps_until_the_next_job_is_due(
    idle: Maintenance, ledger: Ledger
) -> None:
    ledger.due = NOW + timedelta(seconds=0.25)
    assert idle.run_due() == 0.25
    assert "promote" not in ledger.calls


def test_a_job_that_is_due_is_promoted_and_polled_and_there_may_be_more(
    idle: Maintenance, ledger: Ledger
) -> None:
    ledger.due = NOW
    assert idle.run_due() == 0.0, "a call promotes no more than a chunk"
    assert ledger.calls[-2:] == ["promote", "poll"]


def test_the_table_is_polled_now_and_then_whoever_notifies(
    idle: Maintenance, ledger: Ledger, clock: Clock
) -> None:
    clock.now += 3600 * 1.3
    idle.run_due()
    assert "poll" in ledger.calls


@pytest.mark.parametrize("kind", ["unconfirmed", "rescued"])
def test_jobs_that_go_back_to_their_queue_are_polled(
    idle: Maintenance, ledger: Ledger, clock: Clock, kind: str
) -> None:
    rescues(idle, clock)
    assert "poll" not in ledger.calls
    ledger.found = {kind}
    rescues(idle, clock)
    assert "poll" in ledger.calls[ledger.calls.index(kind) :]


def test_the_jobs_of_a_silent_consumer_are_rescued_at_once(
    idle: Maintenance, ledger: Ledger
) -> None:
    idle.run_due()
    silent: Any = SimpleNamespace(
        proven_dead=lambda me: [], silent=lambda me: [(uuid.UUID(int=9), 3)]
    )
    idle._detector = silent
    idle.heartbeat_written(alive=True)
    assert ledger.calls[-2:] == ["mark_dead", "adopt"]
    ledger.calls.clear()
    idle.run_due()
    assert "rescued" in ledger.calls


def test_a_consumer_that_was_given_up_registers_anew_and_polls(
    idle: Maintenance, ledger: Ledger
) -> None:
    ledger.attempts = [SimpleNamespace(lose=ledger.note("lose"))]
    idle.heartbeat_written(alive=False)
    assert ledger.calls == ["renew", "lose", "poll"]


class Running(SimpleNamespace):
    """An attempt that has begun, or waits for a thread."""

    def __init__(self, *, waits: bool = False, is_late: bool = False) -> None:
        self.said: list[str] = []
        super().__init__(
            cancelled_by=lambda: None,
            claim=make_claim(timeout=1.0),
            is_overdue=lambda: is_late,
            release=self.said.append,
            settle=self._settle,
            waits_longer_than=lambda seconds: waits,
        )

    def _settle(self, outcome: Outcome) -> bool:
        self.said.append(outcome.error_type)
        return True


def test_a_job_that_waits_behind_a_slow_one_is_handed_back(
    idle: Maintenance, ledger: Ledger
) -> None:
    begun, waiting = Running(), Running(waits=True)
    ledger.attempts = [begun, waiting]
    idle.run_due()
    assert (begun.said, waiting.said) == ([], ["every slot was busy"])


def test_while_something_runs_cancels_and_limits_are_looked_at_more_often(
    idle: Maintenance, ledger: Ledger
) -> None:
    late = Running(is_late=True)
    assert idle.run_due() > TICK_SECONDS
    ledger.attempts = [late]
    idle._tick.hurry(0)
    assert idle.run_due() == TICK_SECONDS
    assert late.said == ["Timeout"]


def test_a_retry_is_looked_for_as_soon_as_it_is_written() -> None:
    notified: list[str] = []
    work: Any = SimpleNamespace(notified=lambda: notified.append("now"))
    slots: Any = SimpleNamespace(done=lambda batch, written: None)
    writer = BatchWriter(UNUSED, slots, work, ThreadSignals(), UNUSED)
    claim = make_claim(max_attempts=2)
    writer._done(Batch(outcomes=[outcome_of_value(claim, None, UNUSED)]), BatchResult())
    assert notified == []
    writer._done(Batch(outcomes=[outcome_of_error(claim, ValueError())]), BatchResult())
    assert notified == ["now"]


def test_until_the_first_tick_a_consumer_is_not_known_to_be_idle(
    ledger: Ledger, idle: Maintenance, clock: Clock
) -> None:
    """A job may have come due since the last consumer ended."""
    idle.has_ticked = False
    clock.now += IDLE_TICK_SECONDS
    idle.run_due()
    assert idle.has_ticked
