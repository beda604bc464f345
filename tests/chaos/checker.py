"""What must be true at the end, whatever died: pure functions over what was written down."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.core.states import COUNTED_FAILURES, FINAL, TRANSITIONS, AttemptOutcome, Status

LEADS_TO = {
    Status.SUCCEEDED: {AttemptOutcome.SUCCEEDED},
    Status.FAILED: set(COUNTED_FAILURES),
    # A cancel that was asked for turns every other way out of a run into it.
    Status.CANCELLED: set(AttemptOutcome) - {AttemptOutcome.SUCCEEDED},
}


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the table has it at the end."""

    id: str
    key: str
    status: str
    attempt: int
    failures: int
    max_attempts: int
    result_attempt: int | None = None
    consumer: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One ended attempt; times in seconds."""

    job: str
    number: int
    outcome: str
    started: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a job's status, in the order of their commits."""

    job: str
    old: str
    new: str
    attempt_before: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the ledger."""

    job: str
    attempt: int
    what: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A broken promise."""

    kind: str
    job: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.job}: {self.words}"


@dataclass(slots=True)
class World:
    """All that was written down."""

    accepted: dict[str, str] = field(default_factory=dict)  # the client's key -> the id of its 202
    asked: set[str] = field(default_factory=set)  # every key that a client sent
    retries: Counter[str] = field(default_factory=Counter)  # by job, how often it was asked
    jobs: list[JobRow] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ledger: list[Effect] = field(default_factory=list)
    living: set[str] = field(default_factory=set)  # consumers


def check(world: World) -> list[Complaint]:
    """Return every promise that was broken."""
    found = [*_promises(world)]
    attempts: dict[str, list[AttemptRow]] = defaultdict(list)
    for attempt in sorted(world.attempts, key=lambda row: row.number):
        attempts[attempt.job].append(attempt)
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in world.changes:
        changes[change.job].append(change)
    effects = Counter(world.ledger)
    for job in world.jobs:
        found += _ending(job, attempts[job.id], world.living)
        found += _numbers(job, attempts[job.id])
        found += _overlaps(job, attempts[job.id])
        found += _result(job, attempts[job.id], effects)
        found += _history(job, changes[job.id], world.retries[job.id])
    found += _effects(effects, {job.id for job in world.jobs})
    return found


def _promises(world: World) -> Iterator[Complaint]:
    rows = {job.id: job for job in world.jobs}
    for key, job_id in world.accepted.items():
        if job_id not in rows:
            yield Complaint("lost", job_id, f"the 202 of {key} has no job")
        elif rows[job_id].key != key:
            yield Complaint("lost", job_id, f"the 202 of {key} is another's, {rows[job_id].key}")
    keys = Counter(job.key for job in world.jobs)
    for job in world.jobs:
        if job.key not in world.asked:
            yield Complaint("unasked", job.id, f"nobody asked for {job.key}")
        if keys[job.key] > 1:
            yield Complaint("doubled", job.id, f"{keys[job.key]} jobs for one request")


def _ending(job: JobRow, attempts: list[AttemptRow], living: set[str]) -> Iterator[Complaint]:
    if job.status not in FINAL:
        yield Complaint("unfinished", job.id, f"it is still {job.status}")
        if job.status == Status.RUNNING and job.consumer not in living:
            yield Complaint("of the dead", job.id, f"it belongs to {job.consumer}, who is dead")
        return
    last = attempts[-1].outcome if attempts else None
    if last is not None and last not in LEADS_TO[Status(job.status)] | {AttemptOutcome.RELEASED}:
        yield Complaint("wrong end", job.id, f"{job.status}, but the last attempt {last}")
    if job.status == Status.FAILED and job.failures > job.max_attempts:
        yield Complaint("wrong end", job.id, f"{job.failures} failures of {job.max_attempts}")


def _numbers(job: JobRow, attempts: list[AttemptRow]) -> Iterator[Complaint]:
    numbers = [attempt.number for attempt in attempts]
    ended = job.attempt - (job.status == Status.RUNNING)
    if numbers != list(range(1, ended + 1)):
        yield Complaint("gap", job.id, f"attempts {numbers} of {job.attempt}")
    for attempt in attempts:
        if attempt.outcome not in set(AttemptOutcome):
            yield Complaint("gap", job.id, f"attempt {attempt.number} ended for no reason")


def _overlaps(job: JobRow, attempts: list[AttemptRow]) -> Iterator[Complaint]:
    for one, next_one in itertools.pairwise(attempts):
        if one.ended > next_one.started:
            yield Complaint(
                "overlap", job.id, f"attempts {one.number} and {next_one.number} were both valid"
            )


def _result(
    job: JobRow, attempts: list[AttemptRow], ledger: Counter[Effect]
) -> Iterator[Complaint]:
    winners = [row.number for row in attempts if row.outcome == AttemptOutcome.SUCCEEDED]
    if len(winners) > 1:
        yield Complaint("finished twice", job.id, f"attempts {winners} both succeeded")
    if job.status != Status.SUCCEEDED:
        return
    if job.result_attempt != job.attempt:
        words = f"the result is of attempt {job.result_attempt}, the job's is {job.attempt}"
        yield Complaint("wrong result", job.id, words)
    if not ledger[Effect(job.id, job.attempt, "end")]:
        yield Complaint("no effect", job.id, f"attempt {job.attempt} succeeded and did nothing")


def _history(job: JobRow, changes: list[Change], retries: int) -> Iterator[Complaint]:
    for change in changes:
        if Status(change.new) not in TRANSITIONS[Status(change.old)]:
            yield Complaint("illegal", job.id, f"{change.old} -> {change.new}")
        claimed = change.new == Status.RUNNING
        if change.attempt != change.attempt_before + claimed:
            yield Complaint("illegal", job.id, f"attempt {change.attempt_before}, {change.attempt}")
    again = sum(change.old in FINAL for change in changes)
    if again > retries:
        yield Complaint("finished twice", job.id, f"it left its end {again} times, asked {retries}")
    ends = sum(change.new in FINAL for change in changes)
    if changes and ends != again + (job.status in FINAL):
        yield Complaint("finished twice", job.id, f"{ends} ends, {again} times run again")


def _effects(ledger: Counter[Effect], known: set[str]) -> Iterator[Complaint]:
    for effect, times in ledger.items():
        if times > 1:
            words = f"attempt {effect.attempt} did its {effect.what!r} {times} times"
            yield Complaint("ran twice", effect.job, words)
        if effect.job not in known:
            yield Complaint("lost", effect.job, "it ran, and there is no such job")
