"""A state machine that does to jobs what can be done to them, in any order, and checks each row."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from jobs import lifecycle
from jobs.core.backoff import CEILING
from jobs.core.states import FINAL, UNFINISHED, AttemptOutcome, Status
from jobs.errors import NotCancellable, NotRetryable
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact
from jobs.models import Artifact, Attempt, Consumer, Job, LogChunk, Queue
from tests.factories import make_consumer, make_user
from tests.properties.expected_jobs import ExpectedJobs
from tests.properties.job_rows import Row, check_change, check_row, rows

QUEUE = "default"
OWNERS = ("ada", "bob")


class JobMachine(RuleBasedStateMachine):
    """Submits, claims, ends, cancels, retries and rescues jobs; time is an argument."""

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
        self.claimed: set[tuple[uuid.UUID, int]] = set()
        self.expected = ExpectedJobs()

    def teardown(self) -> None:
        """Leave nothing in the database."""
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)

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
        """Insert a job, unless its unique key is taken."""
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
        self.expected.status[job.pk] = Status.SCHEDULED if later else Status.QUEUED
        return job.pk

    @rule(target=claims, who=st.integers(0, 1), limit=st.integers(1, 3))
    def claim(self, who: int, limit: int) -> Any:
        """Claim the best jobs."""
        before = rows()
        taken = lifecycle.claim_jobs(QUEUE, limit, self.consumers[who], self.now)
        waiting = [row for row in before.values() if row["status"] == Status.QUEUED]
        waiting.sort(key=lambda row: (-row["priority"], row["fair_position"], row["id"]))
        if self._may_claim(self.consumers[who]):
            assert [one.id for one in taken] == [row["id"] for row in waiting[:limit]]
        else:
            assert taken == []
        for one in taken:
            assert (one.id, one.attempt) not in self.claimed, "an attempt was given twice"
            self.claimed.add((one.id, one.attempt))
            self.expected.status[one.id] = Status.RUNNING
        return multiple(*taken)

    def _may_claim(self, consumer: uuid.UUID) -> bool:
        alive = Consumer.objects.filter(pk=consumer, dead_at=None).exists()
        return alive and not Queue.objects.filter(name=QUEUE, paused=True).exists()

    @rule(claim=claims, ending=st.sampled_from(list(AttemptOutcome)), final=st.booleans())
    def end(self, claim: Claim, ending: AttemptOutcome, final: bool) -> None:
        """Write an outcome, of the running attempt or of one that has ended."""
        before = rows()[claim.id]
        running = (before["status"], before["attempt"]) == (Status.RUNNING, claim.attempt)
        late = lifecycle.finish(
            [Outcome(claim=claim, outcome=ending, ended_at=self.now, error_type="E", final=final)]
        )
        assert bool(late) != running
        if not running:
            self.expected.status[claim.id] = Status(before["status"])
            assert rows()[claim.id] == before
            return
        self.expected.end(before, ending, final=final)

    @rule(claim=claims)
    def report(self, claim: Claim) -> None:
        """Report progress, log and an artifact, from any attempt, also one that has ended."""
        before = rows()[claim.id]
        running = (before["status"], before["attempt"]) == (Status.RUNNING, claim.attempt)
        counts = (LogChunk.objects.count(), Artifact.objects.count())
        lifecycle.write_updates(
            [AttemptUpdate(claim.id, claim.attempt, done=1, total=2, log="line")]
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
        """Cancel a job."""
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
                self.expected.status[job] = Status.CANCELLED

    @rule(job=jobs)
    def retry(self, job: uuid.UUID) -> None:
        """Retry a job."""
        row = Job.objects.get(pk=job)
        taken = row.unique_slot is not None and Job.objects.in_slot(row.unique_slot).exists()
        before = rows()[job]
        may = row.status in (Status.FAILED, Status.CANCELLED) and not taken
        try:
            lifecycle.requeue_job(row)
        except NotRetryable:
            assert not may
            assert rows()[job] == before
        else:
            assert may
            self.expected.retry(job)

    @rule(seconds=st.sampled_from([1.0, 6.0, CEILING]))
    def time_passes(self, seconds: float) -> None:
        """Let time pass, and promote what is due."""
        self.now += timedelta(seconds=seconds)
        due = [
            key
            for key, row in rows().items()
            if row["status"] == Status.SCHEDULED and row["run_after"] <= self.now
        ]
        assert lifecycle.promote_due(self.now) == len(due)
        self.expected.status |= dict.fromkeys(due, Status.QUEUED)

    @rule(who=st.integers(0, 1))
    def die(self, who: int) -> None:
        """Declare a consumer dead, rescue its jobs, and replace it."""
        dead = self.consumers[who]
        held = {key: row for key, row in rows().items() if row["consumer_id"] == dead}
        lifecycle.mark_dead(dead)
        assert (dead in lifecycle.orphaned_consumers()) == bool(held)
        assert len(lifecycle.rescue_jobs(dead)) == len(held)
        assert lifecycle.rescue_jobs(dead) == []
        self.expected.lose(held)
        self.consumers[who] = make_consumer().pk

    @rule(target=claims, who=st.integers(0, 1), limit=st.integers(1, 3))
    def claim_and_die(self, who: int, limit: int) -> Any:
        """Promote what is due, claim some and die: without this few jobs are lost twice."""
        self.time_passes(CEILING)
        self.each_change_is_allowed()
        taken = self.claim(who, limit)
        self.each_change_is_allowed()
        self.die(who)
        return taken

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        """Pause or unpause the queue."""
        lifecycle.set_paused(QUEUE, paused)

    @invariant()
    def each_change_is_allowed(self) -> None:
        """Compare every row with what it was before the last step."""
        now = rows()
        for key, row in now.items():
            before = self.seen.get(key)
            if before is not None and before != row:
                check_change(before, row)
            check_row(row)
        for key, status in self.expected.status.items():
            assert now[key]["status"] == status
        self.seen = now

    @invariant()
    def attempts_are_counted_without_a_gap(self) -> None:
        """Each attempt but the running one has ended once, in order; failures are as expected."""
        ended: dict[uuid.UUID, list[int]] = {}
        for job, number in Attempt.objects.values_list("job_id", "number").order_by("number"):
            ended.setdefault(job, []).append(number)
        for key, row in rows().items():
            over = row["attempt"] - (row["status"] == Status.RUNNING)
            assert ended.get(key, []) == list(range(1, over + 1))
            assert row["failures"] == self.expected.failures[key]

    @invariant()
    def a_slot_has_one_unfinished_job(self) -> None:
        """At most one of the jobs with the unique key is unfinished."""
        assert Job.objects.in_slot("s").count() <= 1
