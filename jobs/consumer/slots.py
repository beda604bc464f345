"""A consumer process's desk: its slots, what runs on them, and what is to be written of it."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from jobs.brokers.base import ReceivedMessage
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact

from .attempt import Attempt
from .batch_writer import Batch, BatchResult
from .duration_stats import DurationStats
from .executor import run_attempt
from .ingest import ingest
from .job_log import log_finished
from .process_pool import ProcessPool
from .result import released

TAKE_SECONDS = 5.0
WORDS_SECONDS = 0.5
PREFETCH = 64
"""So many jobs more than there are slots are taken while jobs are quick: one commit then serves
them all. With half as many a process is done before the writer's pace lets it have more, with
more of them a process that dies takes too many along."""
WAITED_SECONDS = 0.5


class Slots:
    """Implements the brokers' ``Intake``. All its state is behind one lock."""

    def __init__(self, queues: Sequence[str], concurrency: int, label: str) -> None:
        self.queues = tuple(queues)
        self.concurrency = concurrency
        self.label = label
        self.consumer_id = label
        self.children = ProcessPool()
        self.wake_writer: Callable[[], None] = _nobody
        self.rang: Callable[[], None] = _nobody
        self.must_be_replaced = False
        # Two conditions on one lock: to wake a thread costs as much as a short job, so the end of
        # a job wakes none that wait for claims.
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._freed = threading.Condition(lock)
        self._running: dict[uuid.UUID, Attempt] = {}
        self._ended: deque[tuple[Attempt, Outcome]] = deque()
        self._wanting: set[str] = set()
        self._maybe: set[str] = set(queues)
        self._deep: set[str] = set()  # the queues that had more than was asked for, it seems
        self._plans = 0
        self._rung_after = dict.fromkeys(queues, 0)  # the plan that was the last when it rang
        self._looked = dict.fromkeys(queues, 0)  # the last plan that has looked at the queue
        self._delivered: dict[str, list[Attempt]] = {queue: [] for queue in queues}
        self._stopping = False
        self._words_at = 0.0
        self._pace = DurationStats()
        self._left: tuple[list[AttemptUpdate], list[StoredArtifact]] = ([], [])

    # The broker's side.

    def take(self, queue: str) -> Sequence[Attempt]:
        """Wait a moment for claims of a queue."""
        with self._changed:
            self._wanting.add(queue)
            if queue in self._maybe and self._room() > 0:
                self.wake_writer()
            self._changed.wait_for(lambda: self._delivered[queue] or self._stopping, TAKE_SECONDS)
            self._wanting.discard(queue)
            taken, self._delivered[queue] = self._delivered[queue], []
            return taken

    def run(self, attempt: Attempt) -> None:
        """Run a claim to its end, on the calling thread."""
        run_attempt(attempt, self.children)
        if attempt.left_behind:
            self.must_be_replaced = True

    def stopping(self) -> bool:
        """Whether nothing new is taken."""
        return self._stopping

    def free_slots(self, queue: str, seconds: float) -> int:
        """Wait for a free slot; return how many there are."""
        with self._freed:
            self._freed.wait_for(lambda: self._room() > 0 or self._stopping, seconds)
            return 0 if self._stopping else max(0, self._room())

    def ingest(self, queue: str, broker: str, message: ReceivedMessage) -> bool:
        """Read a message: a job of another program is recorded, an invalid message quarantined."""
        return ingest(queue, broker, message)

    def wait_claimed(self, queue: str, seconds: float) -> bool:
        """Have a queue looked at; whether that was done in time."""
        with self._changed:
            before = self._plans
            self._ring([queue])
            self.rang()
            self.wake_writer()
            self._changed.wait_for(lambda: self._looked[queue] > before or self._stopping, seconds)
            return self._looked[queue] > before

    def pause(self, seconds: float) -> None:
        """Wait, but not when stopping."""
        with self._freed:
            self._freed.wait_for(lambda: self._stopping, seconds)

    # The bell's and the clock's side.

    def look(self, queues: Collection[str] | None = None) -> None:
        """There may be waiting jobs: ask for these queues again, or for all."""
        with self._changed:
            self._ring(self.queues if queues is None else set(self.queues).intersection(queues))
        self.wake_writer()

    def wait_until_looked(self, seconds: float) -> None:
        """Wait until all queues were looked at since someone last asked for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not self._rung, seconds)

    @property
    def _rung(self) -> bool:
        return any(self._looked[queue] <= self._rung_after[queue] for queue in self.queues)

    def _ring(self, queues: Iterable[str]) -> None:
        for queue in queues:
            self._maybe.add(queue)
            self._rung_after[queue] = self._plans

    def stop_taking(self) -> None:
        """Take nothing new from now on."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._freed.notify_all()

    def wait_until_free(self, timeout: float) -> bool:
        """Wait until nothing runs here; whether that was in time."""
        with self._freed:
            return self._freed.wait_for(lambda: not self._running, timeout)

    def is_idle(self) -> bool:
        """Nothing runs, nothing is to be written, and no queue had a job at the last look."""
        with self._changed:
            return not (self._running or self._ended or self._maybe)

    def held(self) -> set[tuple[uuid.UUID, int]]:
        """The jobs and attempts that the table may name as ours: running, or ended and not yet
        written."""
        with self._changed:
            attempts = [*self._running.values(), *(attempt for attempt, _ in self._ended)]
        return {(attempt.claim.id, attempt.claim.attempt) for attempt in attempts}

    def running(self) -> list[Attempt]:
        """What runs now."""
        with self._changed:
            return list(self._running.values())

    def release_waiting(self) -> None:
        """Hand back what was taken ahead and then got stuck behind a slow job."""
        for attempt in self.running():
            if attempt.waits_longer_than(WAITED_SECONDS):
                attempt.settle(released("every slot was busy"))

    def release_all(self) -> None:
        """Hand back what still runs, at no cost to it."""
        for attempt in self.running():
            attempt.settle(released("the consumer is stopping"))
        self.children.kill_all()

    # The writer's side.

    def plan(self) -> Batch:
        """Return what the next transaction is to write and take."""
        with self._changed:
            self._plans += 1
            batch = Batch(number=self._plans, outcomes=[outcome for _, outcome in self._ended])
            self._collect_words(batch)
            if not self._stopping:
                self._plan_claims(batch)
            return batch

    def _collect_words(self, batch: Batch) -> None:
        due = time.monotonic() >= self._words_at
        speaking = [attempt for attempt, _ in self._ended]
        speaking += list(self._running.values()) if due else []
        words, notes = self._left
        for attempt in speaking:
            said, files = attempt.collect()
            words += [said] if said is not None else []
            notes += files
        if due and words:
            self._words_at = time.monotonic() + WORDS_SECONDS
        # Kept until a transaction has written them.
        batch.words, batch.notes = list(words), list(notes)

    def _plan_claims(self, batch: Batch) -> None:
        room = self._room()
        for queue in self.queues:
            if room > 0 and queue in self._wanting and queue in self._maybe:
                batch.claims[queue] = room

    def _room(self) -> int:
        return self.concurrency + self._ahead() - len(self._running)

    def _ahead(self) -> int:
        if self._pace.is_quick:
            return PREFETCH
        # One for each slot, so that it need not wait for two commits between two jobs; and only
        # of a backlog, or it would be kept from an idle consumer.
        return self.concurrency if self._deep and self._pace.is_short else 0

    def done(self, batch: Batch, written: BatchResult) -> None:
        """Take note of what a transaction did."""
        late = {(outcome.claim.id, outcome.claim.attempt) for outcome in written.late}
        with self._changed:
            self._left = ([], [])
            finished = [self._ended.popleft() for _ in batch.outcomes]
            for queue, claims in written.claims.items():
                self._deliver(queue, claims)
                self._looked[queue] = batch.number
                # Who rang since the batch was planned may have a job that it did not see.
                fewer = len(claims) < batch.claims[queue]
                (self._deep.discard if fewer else self._deep.add)(queue)
                if fewer and self._rung_after[queue] < batch.number:
                    self._maybe.discard(queue)
            self._changed.notify_all()
        if finished:
            log_finished(finished, late)

    def _deliver(self, queue: str, claims: list[Claim]) -> None:
        for claim in claims:
            attempt = Attempt(claim, self._settled, self.label)
            self._running[claim.id] = attempt
            self._delivered[queue].append(attempt)

    def _settled(self, attempt: Attempt, outcome: Outcome) -> None:
        with self._changed:
            if self._running.get(attempt.claim.id) is attempt:
                del self._running[attempt.claim.id]
                self._pace.note(attempt.seconds)
            self._ended.append((attempt, outcome))
            self._freed.notify_all()
        self.wake_writer()


def _nobody() -> None:
    """Before there is a writer, nobody is told."""
