"""What the jobs should be by now: a second, simple account of the rules, in its own words."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable

from jobs.core.states import COUNTED_FAILURES, AttemptOutcome, Status
from tests.properties.job_rows import Row

FREE_LOSSES = 1
"""Fewer than in production, so that a short sequence of steps exceeds them."""
PROMPT_LOSSES = 0


class ExpectedJobs:
    """The expected status and counters of every job, by its id."""

    def __init__(self) -> None:
        self.status: dict[uuid.UUID, Status] = {}
        self.failures: Counter[uuid.UUID] = Counter()
        self.lost: Counter[uuid.UUID] = Counter()
        self._outcomes: dict[uuid.UUID, list[AttemptOutcome]] = defaultdict(list)

    def end(self, before: Row, outcome: AttemptOutcome, *, final: bool) -> None:
        """Note that an attempt ended; ``before`` is the job's row until then."""
        job = before["id"]
        self.failures[job] += outcome in COUNTED_FAILURES
        self._note(job, outcome)
        self.status[job] = self._status_after(before, outcome, final=final)

    def lose(self, held: dict[uuid.UUID, Row]) -> None:
        """Note that a consumer died that held these jobs."""
        poison = self._poison_job(held)
        for job, row in held.items():
            died = job == poison
            self.failures[job] += died
            outcome = AttemptOutcome.DIED if died else AttemptOutcome.LOST
            self._note(job, outcome)
            status = self._status_after(row, outcome, final=False)
            backs_off = not died and self.lost[job] > PROMPT_LOSSES and status == Status.QUEUED
            self.status[job] = Status.SCHEDULED if backs_off else status

    def retry(self, job: uuid.UUID) -> None:
        """Note that a user retried a job."""
        self.status[job] = Status.QUEUED
        self.failures[job] = self.lost[job] = 0

    def _note(self, job: uuid.UUID, outcome: AttemptOutcome) -> None:
        self.lost[job] += outcome == AttemptOutcome.LOST
        if outcome != AttemptOutcome.RELEASED:
            self._outcomes[job].append(outcome)

    def _status_after(self, before: Row, outcome: AttemptOutcome, *, final: bool) -> Status:
        if outcome == AttemptOutcome.SUCCEEDED:
            return Status.SUCCEEDED
        if before["cancel_requested"] or outcome == AttemptOutcome.CANCELLED:
            return Status.CANCELLED
        if outcome in (AttemptOutcome.RELEASED, AttemptOutcome.LOST):
            return Status.QUEUED
        used_up = self.failures[before["id"]] >= before["max_attempts"]
        return Status.FAILED if final or used_up else Status.SCHEDULED

    def _poison_job(self, held: Iterable[uuid.UUID]) -> uuid.UUID | None:
        """Return the one that was lost many times in a row, and more often than its neighbours."""
        counts = {job: self.lost[job] + self.failures[job] for job in held}
        most = [job for job, count in counts.items() if count == max(counts.values())]
        if len(most) != 1 or self.lost[most[0]] < FREE_LOSSES:
            return None
        recent = set(self._outcomes[most[0]][-FREE_LOSSES:])
        is_poison = bool(recent) and recent <= {AttemptOutcome.LOST, AttemptOutcome.DIED}
        return most[0] if is_poison else None
