"""What the batch writer does when a transaction or maintenance fails: nothing is lost."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DataError, OperationalError

from jobs import lifecycle
from jobs.consumer import batch, batch_writer, pruner
from jobs.consumer.attempt import Attempt
from jobs.consumer.batch import Batch, BatchResult
from jobs.consumer.batch_writer import PACE_SECONDS, RETRY_SECONDS, BatchWriter, Pacer
from jobs.consumer.duration_stats import DurationStats
from jobs.consumer.pending_writes import PendingWrites
from jobs.consumer.pruner import Pruner
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.slots import Slots
from jobs.consumer.thread_signals import ThreadSignals
from jobs.core.lock_timeout import LOCK_NOT_AVAILABLE
from jobs.core.states import AttemptOutcome, Status
from jobs.lifecycle import Claim, Outcome, StoredArtifact
from jobs.models import ConsumerRequest
from tests.claims import make_claim

AWAY = OperationalError("database is locked")
REFUSED = DataError("value too long for type character varying(200)")


class OneDatabase:
    """A connection of which nobody needs more than this."""

    vendor = "postgresql"
    in_atomic_block = False

    def __init__(self) -> None:
        self.looked = 0
        self.closed = 0

    def close_if_unusable_or_obsolete(self) -> None:
        self.looked += 1

    def close(self) -> None:
        self.closed += 1


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(batch_writer, "time", made)
    return made


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> OneDatabase:
    made = OneDatabase()
    monkeypatch.setattr(batch_writer, "connection", lambda: made)
    return made


class OneMaintenance:
    """Does nothing, unless it is to fail."""

    heartbeat_is_due = False

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.heartbeats: list[tuple[bool, ConsumerRequest]] = []
        self.notified_times = 0

    def run_due(self, *, early: bool) -> float:
        if self.error is not None:
            raise self.error
        return 2.0

    def notified(self) -> None:
        self.notified_times += 1

    def heartbeat_written(self, *, alive: bool, requested: ConsumerRequest) -> None:
        self.heartbeats.append((alive, requested))


class Parts:
    """A batch writer and what it works with, of one consumer with one queue and one slot."""

    def __init__(self) -> None:
        self.signals = ThreadSignals()
        self.polls = QueuePolls(["default"], self.signals)
        self.slots = Slots(1, "here:7", self.signals, self.polls, PendingWrites(), DurationStats())
        self.maintenance = OneMaintenance()
        maintenance: Any = self.maintenance
        self.beats: list[str] = []
        health: Any = SimpleNamespace(
            heartbeat=lambda: self.beats.append("beat"), went_round=lambda: None
        )
        registration: Any = SimpleNamespace(id=uuid.uuid4())
        self.writer = BatchWriter(registration, self.slots, maintenance, self.signals, health)

    def run_claim(self, claim: Claim) -> Attempt:
        """Return the attempt of a claim, which a thread has taken up."""
        taken = self.slots.plan()
        taken.claims = {"default": 1}
        self.slots.done(taken, BatchResult(claims={"default": [claim]}))
        (attempt,) = self.slots.take("default")
        attempt.begin()
        return attempt


@pytest.fixture
def parts(database: OneDatabase, monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setattr(batch_writer, "is_replaced", lambda: False)
    return Parts()


def succeeded(claim: Claim) -> Outcome:
    return Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, result=7)


# The pauses.


def written_batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Let the writer write to this list, and not to the database."""
    written: list[Batch] = []

    def write(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        written.append(planned)
        return BatchResult(committed=True)

    monkeypatch.setattr(batch_writer, "write", write)
    return written


def test_the_pauses_grow_while_the_database_is_away(clock: Clock, database: OneDatabase) -> None:
    pacer = Pacer()
    for _ in range(len(RETRY_SECONDS) + 2):
        pacer.failed(AWAY)
        pacer.wait()
    assert clock.slept == [*RETRY_SECONDS, RETRY_SECONDS[-1], RETRY_SECONDS[-1]]
    assert database.looked == len(clock.slept), "a broken connection is replaced each time"
    pacer.succeeded()
    pacer.wait()
    pacer.failed(AWAY)
    pacer.wait()
    assert clock.slept[-2:] == [PACE_SECONDS, RETRY_SECONDS[0]]


def test_an_outage_is_said_once_and_its_end(
    clock: Clock, database: OneDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    pacer = Pacer()
    with caplog.at_level(logging.WARNING, logger="jobs.writer"):
        for _ in range(3):
            pacer.failed(AWAY)
        pacer.succeeded()
        pacer.succeeded()
        pacer.failed(AWAY)
    cannot = "The database cannot be written: database is locked. Trying again."
    assert caplog.messages == [cannot, "The database is back.", cannot]


def test_a_fault_that_is_not_the_databases_is_logged_whole_and_each_kind(
    clock: Clock, database: OneDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    pacer = Pacer()
    for _ in range(2):
        pacer.failed(ValueError("a fault of ours"))
        pacer.failed(KeyError("another"))
    kinds = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert kinds == [ValueError, KeyError]


# A transaction that failed.


def test_what_was_reported_is_written_after_a_transaction_that_failed(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log lines, progress, files, and then the outcome: the next batch has them all again."""
    claim = make_claim()
    attempt = parts.run_claim(claim)
    attempt.log("a line")
    attempt.progress(1, 2, "half")
    file = StoredArtifact(claim.id, 1, "a.txt", 1, "text/plain", "artifacts/a")
    attempt.add_artifact(file)
    attempt.settle(succeeded(claim))
    seen: list[Batch] = []

    def write(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        seen.append(planned)
        if len(seen) == 1:
            raise AWAY
        return BatchResult(committed=True)

    monkeypatch.setattr(batch_writer, "write", write)
    with pytest.raises(OperationalError):
        parts.writer._run_once(True)
    assert parts.slots.held() == {(claim.id, 1)}, "it is still ours to write"
    parts.writer._run_once(True)

    for planned in seen:
        (update,) = planned.updates
        assert update.log.endswith("a line\n")
        assert (update.done, update.total, update.message) == (1.0, 2.0, "half")
        assert planned.artifacts == [file]
        assert [outcome.result for outcome in planned.outcomes] == [7]
    assert parts.slots.held() == set()
    assert not parts.writer._plan().writes_something, "nothing is written twice"


def test_a_batch_with_a_refused_value_is_written_one_by_one(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    single: list[Batch] = []

    def write_single(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        single.append(planned)
        return BatchResult(committed=True)

    def refuse(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        raise REFUSED

    monkeypatch.setattr(batch_writer, "write", refuse)
    monkeypatch.setattr(batch_writer, "write_one_by_one", write_single)
    parts.writer._run_once(True)
    assert [outcome.claim for planned in single for outcome in planned.outcomes] == [claim]
    assert parts.slots.held() == set()


def test_maintenance_that_fails_keeps_no_outcome_from_being_written(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    written = written_batches(monkeypatch)
    parts.maintenance.error = KeyError("a fault of ours")
    parts.signals.work.clear()
    pause = parts.writer._run_once(True)
    assert [outcome.claim for planned in written for outcome in planned.outcomes] == [claim]
    assert pause == batch_writer.MAINTENANCE_RETRY_SECONDS
    assert "Maintenance failed; it is tried again." in caplog.text


def test_maintenance_waits_while_the_database_is_away(parts: Parts) -> None:
    """The pauses of the pacer hold for it too."""
    parts.maintenance.error = AWAY
    with pytest.raises(OperationalError):
        parts.writer._run_once(True)


def test_the_thread_goes_on_whatever_is_raised_and_ends_when_all_is_written(
    parts: Parts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    errors = [AWAY, OverflowError("a fault of ours"), None]

    def write(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        error = errors.pop(0)
        if error is not None:
            raise error
        return BatchResult(committed=True)

    monkeypatch.setattr(batch_writer, "write", write)
    monkeypatch.setattr(batch_writer, "write_one_by_one", write)
    parts.writer._finish.set()
    parts.signals.work.set()
    parts.writer._run()
    assert errors == []
    assert parts.slots.held() == set()


def test_each_round_waits_for_the_pace_and_then_for_something_to_do(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that was noted wakes the thread up once."""
    done: list[Any] = []
    monkeypatch.setattr(parts.writer._pacer, "wait", lambda: done.append("waited"))

    def run_once(woken: bool) -> float:
        done.append(woken)
        if len(done) == 4:
            parts.writer._finish.set()
        return 0.0

    monkeypatch.setattr(parts.writer, "_run_once", run_once)
    parts.signals.work.set()
    parts.writer._run()
    assert done == ["waited", True, "waited", False]


@pytest.mark.parametrize(("sqlstate", "beats"), [(LOCK_NOT_AVAILABLE, 1), ("57P01", 0)])
def test_a_wait_for_somebodys_lock_is_followed_by_a_heartbeat(
    parts: Parts,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    sqlstate: str,
    beats: int,
) -> None:
    """Otherwise other consumers would declare this one dead."""
    cause = RuntimeError("canceling statement due to lock timeout")
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    error = OperationalError("locked")
    error.__cause__ = cause
    written: list[Batch] = []

    def write(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        written.append(planned)
        if len(written) == 1:
            raise error
        return BatchResult(committed=True)

    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    monkeypatch.setattr(batch_writer, "write", write)
    parts.writer._finish.set()
    parts.signals.work.set()
    parts.writer._run()
    assert [planned.heartbeat for planned in written] == [False, *[True] * beats, False]
    assert len(parts.beats) == beats


def test_a_connection_that_takes_no_writes_is_replaced(
    clock: Clock, database: OneDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Exception] = []
    monkeypatch.setattr(batch_writer, "reconnect_after", asked.append)
    Pacer().failed(AWAY)
    assert asked == [AWAY]


def test_a_heartbeat_that_is_due_is_part_of_the_next_batch(parts: Parts) -> None:
    assert not parts.writer._plan().heartbeat
    parts.maintenance.heartbeat_is_due = True
    assert parts.writer._plan().heartbeat


# What is known only after the commit.


def test_a_retry_is_looked_for_before_the_next_tick(parts: Parts) -> None:
    claim = make_claim(max_attempts=3)
    failed = Outcome(claim=claim, outcome=AttemptOutcome.FAILED)
    assert failed.target == Status.SCHEDULED
    parts.run_claim(claim).settle(failed)
    parts.writer._done(parts.writer._plan(), BatchResult())
    assert parts.maintenance.notified_times == 1


def test_a_heartbeat_counts_only_while_the_consumer_is_alive(parts: Parts) -> None:
    beat = Batch(heartbeat=True)
    parts.writer._done(beat, BatchResult(requested=ConsumerRequest.QUIET))
    parts.writer._done(beat, BatchResult(alive=False))
    parts.writer._done(Batch(), BatchResult())
    assert parts.maintenance.heartbeats == [
        (True, ConsumerRequest.QUIET),
        (False, ConsumerRequest.NONE),
    ]
    assert parts.beats == ["beat"]


# Several queues on PostgreSQL, each claimed by itself.


def claims_then(error: Exception) -> Callable[..., list[Claim]]:
    found = [[make_claim(queue="a")]]

    def claim_jobs(queue: str, *rest: Any) -> list[Claim]:
        if not found:
            raise error
        return found.pop()

    return claim_jobs


def test_an_outage_between_two_queues_loses_no_claim(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was claimed is committed: nobody else would run it."""
    monkeypatch.setattr(lifecycle, "claims_in_one_round_trip", lambda: True)
    monkeypatch.setattr(lifecycle, "claim_jobs", claims_then(AWAY))
    planned = Batch(claims={"a": 1, "b": 1})
    written = batch.write(planned, uuid.uuid4())
    assert [claim.queue for claim in written.claims["a"]] == ["a"]
    assert "b" not in written.claims, "it was not polled"
    assert written.committed


@pytest.mark.parametrize("error", [AWAY, KeyError("a fault of ours")])
def test_what_fails_before_any_claim_is_raised(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "claims_in_one_round_trip", lambda: True)
    claim_jobs = claims_then(error)
    claim_jobs("a")
    monkeypatch.setattr(lifecycle, "claim_jobs", claim_jobs)
    with pytest.raises(type(error)):
        batch.write(Batch(claims={"a": 1, "b": 1}), uuid.uuid4())


# Retention.


def test_the_pruner_goes_on_after_a_locked_database(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = iter([False, False, False, True])
    stop: Any = SimpleNamespace(wait=lambda seconds: next(rounds))
    one = OneDatabase()
    monkeypatch.setattr(pruner, "connection", lambda: one)
    monkeypatch.setattr(lifecycle, "fold_counters", lambda now: None)
    monkeypatch.setattr(lifecycle, "remove_stale_tempdirs", lambda: None)
    made = Pruner(stop)
    asked: list[str] = []

    def prune_all(now: Any) -> None:
        asked.append("jobs")
        raise AWAY

    def step(now: Any) -> None:
        asked.append("files")
        raise OSError("the storage is away")

    monkeypatch.setattr(made, "prune_all", prune_all)
    monkeypatch.setattr(made._files, "step", step)
    made.run()
    assert asked == ["jobs", "files"] * 3
    assert one.closed == 1 + 4 * 3, "no connection is kept for a minute"


# Its end.


def test_what_is_left_is_written_within_the_time_that_there_is(
    parts: Parts, database: OneDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    written = written_batches(monkeypatch)
    parts.writer.start()
    assert parts.writer.flush_and_stop(30)
    assert [outcome.claim for planned in written for outcome in planned.outcomes] == [claim]
    assert database.closed == 1


def test_a_thread_that_cannot_write_is_not_waited_for(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(parts.writer._pacer, "wait", lambda: go_on.wait(30))
    parts.writer.start()
    try:
        assert not parts.writer.flush_and_stop(0.0)
    finally:
        go_on.set()
        parts.writer.join(30)


def test_a_database_that_was_replaced_is_not_written(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    monkeypatch.setattr(batch_writer, "is_replaced", lambda: True)
    monkeypatch.setattr(batch_writer, "write", None)
    assert parts.writer._run_once(True) == 2.0
    parts.writer._finish.set()
    parts.signals.work.set()
    parts.writer._run()
    assert parts.slots.held() == {(claim.id, 1)}, "it could not be written"


def test_each_wait_for_a_lock_is_a_part_of_the_lease(
    parts: Parts, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOBS = {**settings.JOBS, "LEASE_SECONDS": 60}
    limits: list[float] = []

    def limited(seconds: float) -> Any:
        limits.append(seconds)
        return nullcontext()

    monkeypatch.setattr(batch_writer, "limited_lock_waits", limited)
    monkeypatch.setattr(parts.writer, "_run", lambda: limits.append(0.0))
    parts.writer.run()
    assert limits == [10.0, 0.0]


@pytest.mark.parametrize(("comes", "pause"), [(False, 2.0), (True, 0.0)])
def test_a_pause_is_over_at_once_when_there_is_work(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, comes: bool, pause: float
) -> None:
    def write(planned: Batch, consumer: uuid.UUID) -> BatchResult:
        parts.signals.work.clear()
        return BatchResult(committed=True)

    def done(planned: Batch, written: BatchResult) -> None:
        if comes:
            parts.signals.work.set()

    claim = make_claim()
    parts.run_claim(claim).settle(succeeded(claim))
    monkeypatch.setattr(batch_writer, "write", write)
    monkeypatch.setattr(parts.slots, "done", done)
    assert parts.writer._run_once(True) == pause
