"""What runs in a consumer process, how much more it takes, and the claims that wait for threads."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from jobs.lifecycle import Claim, Outcome

from .attempt import Attempt
from .batch import Batch, BatchResult
from .duration_stats import DurationStats
from .finished_signals import finished_signals
from .job_log import log_finished
from .pending_writes import PendingWrites
from .queue_polls import QueuePolls
from .slot_limit import SlotLimit
from .thread_signals import ThreadSignals

logger = logging.getLogger("jobs")

TAKE_SECONDS = 5.0
PREFETCH = 64
"""How many jobs are claimed beyond the free slots while jobs are quick: one commit then serves
them all. With half as many a process is done before the batch writer's pace allows the next
transaction; with more, a process that dies takes too many jobs along."""


class Slots:
    """The attempts of a process, from their claim until their outcome is written.

    Args:
        own_slots: by queue, slots that are no part of ``concurrency``: what runs in such a queue
            keeps no other waiting.

    Attributes:
        must_be_replaced: whether a thread was left behind that cannot be stopped.
        quiet: whether nothing new is taken, though the process goes on.
    """

    def __init__(
        self,
        concurrency: int,
        label: str,
        signals: ThreadSignals,
        polls: QueuePolls,
        pending: PendingWrites,
        durations: DurationStats,
        own_slots: Mapping[str, int] | None = None,
    ) -> None:
        self.must_be_replaced = False
        self.quiet = False
        self._concurrency = concurrency
        self._limit = SlotLimit(concurrency)
        self._label = label
        self._signals = signals
        self._polls = polls
        self._pending = pending
        self._durations = durations
        self._running: dict[uuid.UUID, Attempt] = {}
        self._delivered: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._waiting: set[str] = set()  # the queues whose thread waits for claims
        self._own_slots = own_slots or {}
        self._in_own: dict[str, int] = dict.fromkeys(self._own_slots, 0)  # what runs in them

    def take(self, queue: str) -> Sequence[Attempt]:
        """Wait a moment for claims of a queue; return them, often none."""
        signals = self._signals
        with signals.changed:
            self._waiting.add(queue)
            if self._polls.may_have_jobs(queue) and self._free_for(queue) > 0:
                signals.work.set()
            signals.changed.wait_for(
                lambda: self._delivered[queue] or signals.stopping, TAKE_SECONDS
            )
            self._waiting.discard(queue)
            taken, self._delivered[queue] = self._delivered[queue], []
            return taken

    def wait_for_free(self, seconds: float, queue: str = "") -> int:
        """Wait for a free slot, at most so long; return how many are free, 0 when stopping."""
        signals = self._signals
        with signals.freed:
            signals.freed.wait_for(lambda: self._free_for(queue) > 0 or signals.stopping, seconds)
            return 0 if signals.stopping else max(0, self._free_for(queue))

    def wait_until_drained(self, seconds: float) -> bool:
        """Wait until nothing runs; return whether that was within ``seconds``."""
        with self._signals.freed:
            return self._signals.freed.wait_for(lambda: not self._running, seconds)

    def running(self) -> list[Attempt]:
        """What runs now, or waits for a thread."""
        with self._signals.lock:
            return list(self._running.values())

    def held(self) -> set[tuple[uuid.UUID, int]]:
        """The jobs and attempts that the table may name as ours: running, or ended and not yet
        written."""
        with self._signals.lock:
            attempts = [*self._running.values(), *self._pending.attempts()]
        return {(attempt.claim.id, attempt.claim.attempt) for attempt in attempts}

    def is_idle(self) -> bool:
        """Whether nothing runs, no outcome is to be written and there is no job to take."""
        with self._signals.lock:
            nothing_left = self.quiet or self._polls.found_none()
            return not self._running and self._pending.is_empty() and nothing_left

    def set_quiet(self, quiet: bool) -> None:
        """Take nothing new from now on, or take jobs again."""
        with self._signals.lock:
            if quiet == self.quiet:
                return
            self.quiet = quiet
        if quiet:
            logger.info("quiet: nothing new is taken; what runs is finished")
        else:
            logger.info("jobs are taken again")
            self._polls.request_poll()

    def no_thread(self, why: str) -> None:
        """Note that the system gave no thread to run claims: they are handed back.

        Args:
            why: what there is too little of.
        """
        with self._signals.freed:
            self._lower(f"no thread could be started for a task: {why}", in_child=False)

    # The batch writer's side.

    def plan(self) -> Batch:
        """Return what the next transaction is to write and to claim."""
        with self._signals.lock:
            batch = Batch(number=self._polls.next_batch())
            self._pending.fill(batch, self._running.values())
            free = 0 if self._signals.stopping else self._free()
            if free > 0:
                batch.claims = {queue: free for queue in self._polls.queues if self._wants(queue)}
            if self._own_slots:
                self._plan_own(batch)
            return batch

    def _plan_own(self, batch: Batch) -> None:
        for queue in self._own_slots:
            free = 0 if self._signals.stopping else self._free_for(queue)
            batch.claims.pop(queue, None)
            if free > 0 and self._wants(queue):
                batch.claims[queue] = free

    def done(self, batch: Batch, written: BatchResult) -> None:
        """Note what a transaction wrote and claimed."""
        superseded = {(outcome.claim.id, outcome.claim.attempt) for outcome in written.superseded}
        with self._signals.changed:
            finished = self._pending.remove(batch)
            for queue, claims in written.claims.items():
                self._deliver(queue, claims)
                self._polls.record(
                    queue, batch.number, limit=batch.claims[queue], found=len(claims)
                )
            self._signals.changed.notify_all()
        if finished:
            log_finished(finished, superseded)
            finished_signals.add((outcome for _, outcome in finished), superseded)

    def _wants(self, queue: str) -> bool:
        return queue in self._waiting and self._polls.may_have_jobs(queue)

    def _deliver(self, queue: str, claims: Iterable[Claim]) -> None:
        for claim in claims:
            attempt = Attempt(claim, self._settled, self._label)
            self._running[claim.id] = attempt
            if queue in self._in_own:
                self._in_own[queue] += 1
            self._delivered[queue].append(attempt)

    def _settled(self, attempt: Attempt, outcome: Outcome) -> None:
        with self._signals.freed:
            if self._running.get(attempt.claim.id) is attempt:
                del self._running[attempt.claim.id]
                if attempt.claim.queue in self._in_own:
                    self._in_own[attempt.claim.queue] -= 1
                else:
                    self._durations.add(attempt.seconds)
            self._pending.add(attempt, outcome)
            if outcome.shortage:
                self._lower(outcome.shortage, in_child=attempt.runs_in_child)
            elif self._limit.is_short and attempt.has_begun:
                self._limit.ended(in_child=attempt.runs_in_child)
            self._signals.freed.notify_all()
        self._signals.work.set()

    def _lower(self, why: str, *, in_child: bool) -> None:
        running = list(self._running.values())
        busy = sum(attempt.has_begun for attempt in running)
        self._limit.lower(why, busy=busy, in_child=in_child)
        for attempt in running:
            if not attempt.has_begun:  # it would fail as well, and another consumer may be idle
                attempt.release("its consumer cannot start it now")

    def _free_for(self, queue: str) -> int:
        if queue not in self._own_slots:
            return self._free()
        return 0 if self.quiet else self._own_slots[queue] - self._in_own[queue]

    def _free(self) -> int:
        if self.quiet:
            return 0
        running = len(self._running) - sum(self._in_own.values())
        if self._limit.is_short and (usable := self._limit.usable()) < self._concurrency:
            return usable - running
        return self._concurrency + self._prefetch() - running

    def _prefetch(self) -> int:
        """How many jobs to take beyond the free slots while jobs are short."""
        if self._durations.is_quick:
            return PREFETCH
        # One for each slot, so that no slot waits for two commits between two jobs. Only from a
        # backlog: otherwise an idle consumer would have to wait for the job.
        short = self._durations.is_short
        return self._concurrency if short and self._polls.has_backlog() else 0
