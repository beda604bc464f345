"""A machine that does to jobs whatever can be done to them, in any order, and watches each row."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from jobs import lifecycle
from jobs.core.backoff import CEILING
from jobs.core.states import (
    COUNTED_FAILURES,
    FINAL,
    TRANSITIONS,
    UNFINISHED,
    AttemptOutcome,
    Status,
)
from jobs.errors import NotCancellable, NotRetryable
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact
from jobs.models import Artifact, Attempt, Consumer, Job, LogChunk
from tests.factories import make_consumer, make_user

Row = dict[str, Any]
QUEUE = "default"
OWNERS = ("ada", "bob")
FREE_LOSSES = 1
"""Fewer than in earnest, so that a short life gets beyond them."""
PROMPT_LOSSES = 0
NEVER_CHANGED = frozenset({"id", "task", "module_path", "queue", "args", "kwargs", "owner_id"})
"""Columns that nothing ever changes (with ``created_at``)."""


def rows() -> dict[uuid.UUID, Row]:
    """Every job as it is in the table."""
    return {row["id"]: dict(row) for row in Job.objects.values()}


class Life(RuleBasedStateMachine):
    """Submits, claims, ends, cancels, repeats, buries and rescues; time is an argument."""

    jobs: Bundle[uuid.UUID] = Bundle("jobs")
    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self._atomic = transaction.atomic()
        self._atomic.__enter__()
        self.owners = [None, *(make_user(name) for name in OWNERS)]
        self.consumers = [make_consumer().pk for _ in range(2)]
        self.now: datetime = timezone.now()
        self.seen: dict[uuid.UUID, Row] = {}
        self.charged: Counter[uuid.UUID] = Counter()
        self.claimed: set[tuple[uuid.UUID, int]] = set()
        self.expected: dict[uuid.UUID, Status] = {}
        self.ends: dict[uuid.UUID, list[AttemptOutcome]] = defaultdict(list)
        self.lost: Counter[uuid.UUID] = Counter()

    def teardown(self) -> None:
        """Leave nothing in the database."""
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)

    # --- what can be done ----------------------------------------------------------------------

    @rule(
        target=jobs,
        owner=st.integers(0, 2),
        priority=st.integers(-1, 1),
        later=st.booleans(),
        max_attempts=st.integers(1, 3),
        slot=st.sampled_from([None, None, "s"]),
    )
    def submit(
        self, owner: int, priority: int, later: bool, max_attempts: int, slot: str | None
    ) -> Any:
        """Record a job, unless its unique slot is taken."""
        if slot is not None and Job.objects.in_slot(slot).exists():
            return multiple()
        job = Job(
            task="testapp.square",
            kwargs={"n": 7},
            owner=self.owners[owner],
            priority=priority,
            max_attempts=max_attempts,
            unique_slot=slot,
            created_at=self.now,
            run_after=self.now + timedelta(seconds=5) if later else None,
        )
        lifecycle.insert_job(job)
        self.expected[job.pk] = Status.SCHEDULED if later else Status.QUEUED
        return job.pk

    @rule(target=claims, who=st.integers(0, 1), limit=st.integers(1, 3))
    def claim(self, who: int, limit: int) -> Any:
        """Take what is best."""
        before = rows()
        taken = lifecycle.claim_jobs(QUEUE, limit, self.consumers[who], self.now)
        waiting = [row for row in before.values() if row["status"] == Status.QUEUED]
        waiting.sort(key=lambda row: (-row["priority"], row["fair_position"], row["id"]))
        if self._may_take(self.consumers[who]):
            assert [one.id for one in taken] == [row["id"] for row in waiting[:limit]]
        else:
            assert taken == []
        for one in taken:
            assert (one.id, one.attempt) not in self.claimed, "an attempt was given twice"
            self.claimed.add((one.id, one.attempt))
            self.expected[one.id] = Status.RUNNING
        return multiple(*taken)

    def _may_take(self, consumer: uuid.UUID) -> bool:
        alive = Consumer.objects.filter(pk=consumer, dead_at=None).exists()
        return alive and lifecycle.unpaused([QUEUE]) == {QUEUE}

    @rule(claim=claims, ending=st.sampled_from(list(AttemptOutcome)), final=st.booleans())
    def end(self, claim: Claim, ending: AttemptOutcome, final: bool) -> None:
        """Write an outcome, of the attempt that runs or of one that is over."""
        before = rows()[claim.id]
        running = (before["status"], before["attempt"]) == (Status.RUNNING, claim.attempt)
        late = lifecycle.finish(
            [Outcome(claim=claim, outcome=ending, ended_at=self.now, error_type="E", final=final)]
        )
        assert bool(late) != running
        if not running:
            self.expected[claim.id] = Status(before["status"])
            assert rows()[claim.id] == before
            return
        self.charged[claim.id] += ending in COUNTED_FAILURES
        self._remember(claim.id, ending)
        self.expected[claim.id] = self._where(before, ending, final)

    def _remember(self, job: uuid.UUID, ending: AttemptOutcome) -> None:
        self.lost[job] += ending == AttemptOutcome.LOST
        if ending != AttemptOutcome.RELEASED:
            self.ends[job].append(ending)

    def _where(self, before: Row, ending: AttemptOutcome, final: bool) -> Status:
        """The rule of the issue in its own words, not in those of the code."""
        if ending == AttemptOutcome.SUCCEEDED:
            return Status.SUCCEEDED
        if before["cancel_requested"] or ending == AttemptOutcome.CANCELLED:
            return Status.CANCELLED
        if ending in (AttemptOutcome.RELEASED, AttemptOutcome.LOST):
            return Status.QUEUED
        used_up = self.charged[before["id"]] >= before["max_attempts"]
        return Status.FAILED if final or used_up else Status.SCHEDULED

    @rule(claim=claims)
    def speak(self, claim: Claim) -> None:
        """Tell progress and log, and keep a file: from any attempt, also one that is over."""
        before = rows()[claim.id]
        running = (before["status"], before["attempt"]) == (Status.RUNNING, claim.attempt)
        counts = (LogChunk.objects.count(), Artifact.objects.count())
        lifecycle.write_updates(
            [AttemptUpdate(claim.id, claim.attempt, done=1, total=2, log="word")]
        )
        kept, _ = lifecycle.save_artifact(
            StoredArtifact(claim.id, claim.attempt, f"{uuid.uuid4()}", 1, "text/plain", "f")
        )
        assert kept == running
        assert (rows()[claim.id] != before) == running
        after = (LogChunk.objects.count(), Artifact.objects.count())
        assert after == (counts[0] + running, counts[1] + running)

    @rule(job=jobs)
    def cancel(self, job: uuid.UUID) -> None:
        """Ask for a cancel."""
        before = rows()[job]
        status = Status(before["status"])
        try:
            lifecycle.cancel_job(job, "ada")
        except NotCancellable:
            assert status in FINAL - {Status.CANCELLED}
            assert rows()[job] == before
        else:
            assert status in UNFINISHED | {Status.CANCELLED}
            if status in (Status.QUEUED, Status.SCHEDULED):
                self.expected[job] = Status.CANCELLED

    @rule(job=jobs)
    def retry(self, job: uuid.UUID) -> None:
        """Ask for it once more."""
        row = Job.objects.get(pk=job)
        taken = row.unique_slot is not None and Job.objects.in_slot(row.unique_slot).exists()
        before = rows()[job]
        may = row.status in (Status.FAILED, Status.CANCELLED) and not taken
        try:
            lifecycle.requeue(row)
        except NotRetryable:
            assert not may
            assert rows()[job] == before
        else:
            assert may
            self.expected[job] = Status.QUEUED
            self.charged[job] = self.lost[job] = 0

    @rule(seconds=st.sampled_from([1.0, 6.0, CEILING]))
    def time_passes(self, seconds: float) -> None:
        """Wake what is due."""
        self.now += timedelta(seconds=seconds)
        due = [
            key
            for key, row in rows().items()
            if row["status"] == Status.SCHEDULED and row["run_after"] <= self.now
        ]
        assert lifecycle.promote_due(self.now) == len(due)
        self.expected |= dict.fromkeys(due, Status.QUEUED)

    @rule(who=st.integers(0, 1))
    def die(self, who: int) -> None:
        """A consumer is declared dead, its jobs are rescued, another comes in its place."""
        dead = self.consumers[who]
        held = {key: row for key, row in rows().items() if row["consumer_id"] == dead}
        lifecycle.mark_dead(dead)
        assert (dead in lifecycle.orphaned_consumers()) == bool(held)
        assert lifecycle.rescue_jobs(dead) == len(held)
        assert lifecycle.rescue_jobs(dead) == 0
        guilty = self._guilty(held)
        for key, row in held.items():
            self._lose(key, row, AttemptOutcome.DIED if key == guilty else AttemptOutcome.LOST)
        self.consumers[who] = make_consumer().pk

    @rule(target=claims, who=st.integers(0, 1), limit=st.integers(1, 3))
    def die_of_work(self, who: int, limit: int) -> Any:
        """Wake what waits for its time, take some and die: else few jobs are lost twice."""
        self.time_passes(CEILING)
        self.each_change_is_a_way_of_the_table()
        taken = self.claim(who, limit)
        self.each_change_is_a_way_of_the_table()
        self.die(who)
        return taken

    def _guilty(self, held: Iterable[uuid.UUID]) -> uuid.UUID | None:
        """Who was lost many times in a row, and more often than all that were lost with it."""
        often = {key: self.lost[key] + self.charged[key] for key in held}
        most = [key for key, times in often.items() if times == max(often.values())]
        row = set(self.ends[most[0]][-FREE_LOSSES:]) if len(most) == 1 else set()
        enough = bool(row) and self.lost[most[0]] >= FREE_LOSSES
        return most[0] if enough and row <= {AttemptOutcome.LOST, AttemptOutcome.DIED} else None

    def _lose(self, key: uuid.UUID, row: Row, ending: AttemptOutcome) -> None:
        self.charged[key] += ending == AttemptOutcome.DIED
        self._remember(key, ending)
        self.expected[key] = self._where(row, ending, final=False)
        waits = ending == AttemptOutcome.LOST and self.lost[key] > PROMPT_LOSSES
        if waits and self.expected[key] == Status.QUEUED:
            self.expected[key] = Status.SCHEDULED

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        """Pause the queue or open it."""
        lifecycle.set_paused(QUEUE, paused)

    # --- what always holds ---------------------------------------------------------------------

    @invariant()
    def each_change_is_a_way_of_the_table(self) -> None:
        """Compare every row with what it was before the last step."""
        now = rows()
        for key, row in now.items():
            before = self.seen.get(key)
            if before is not None and before != row:
                _check_change(before, row)
            _check_row(row)
        for key, status in self.expected.items():
            assert now[key]["status"] == status
        self.seen = now

    @invariant()
    def attempts_are_counted_without_a_gap(self) -> None:
        """Each attempt but the running one has ended once, in order; charges are as told."""
        ended: dict[uuid.UUID, list[int]] = {}
        for job, number in Attempt.objects.values_list("job_id", "number").order_by("number"):
            ended.setdefault(job, []).append(number)
        for key, row in rows().items():
            over = row["attempt"] - (row["status"] == Status.RUNNING)
            assert ended.get(key, []) == list(range(1, over + 1))
            assert row["failures"] == self.charged[key]

    @invariant()
    def a_slot_has_one_unfinished_job(self) -> None:
        """Of the jobs with the unique key, at most one has not finished."""
        assert Job.objects.in_slot("s").count() <= 1


def _check_change(before: Row, row: Row) -> None:
    old, new = Status(before["status"]), Status(row["status"])
    assert all(before[name] == row[name] for name in {*NEVER_CHANGED, "created_at", "max_attempts"})
    assert row["version"] > before["version"]
    claimed = (old, new) == (Status.QUEUED, Status.RUNNING)
    assert row["attempt"] == before["attempt"] + claimed
    if old != new:
        assert new in TRANSITIONS[old], f"{old} became {new}"
    again = old in FINAL and new == Status.QUEUED
    assert row["failures"] >= before["failures"] or again
    assert row["failures"] - before["failures"] <= (old == Status.RUNNING)
    assert row["log_size"] >= before["log_size"]


_TRUE_OF_ROW: list[Callable[[Row, Status], bool]] = [
    lambda row, status: (row["finished_at"] is not None) == (status in FINAL),
    lambda row, status: (row["consumer_id"] is not None) == (status == Status.RUNNING),
    lambda row, status: row["run_after"] is not None or status != Status.SCHEDULED,
    lambda row, status: row["result"] is None or status == Status.SUCCEEDED,
    lambda row, status: row["failures"] <= row["max_attempts"],
    lambda row, status: row["failures"] < row["max_attempts"] or status in FINAL,
    lambda row, status: row["failures"] + row["lost_count"] <= row["attempt"],
    lambda row, status: bool(row["error_type"]) or status not in (Status.FAILED, Status.CANCELLED),
    lambda row, status: not row["cancel_requested"] or status in FINAL | {Status.RUNNING},
]


def _check_row(row: Row) -> None:
    for number, holds in enumerate(_TRUE_OF_ROW):
        assert holds(row, Status(row["status"])), (number, row)
