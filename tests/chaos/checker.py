"""What must hold at the end, whatever died: pure functions over the records of a run."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.core.states import COUNTED_FAILURES, FINAL, TRANSITIONS, AttemptOutcome, Status

LEADS_TO = {
    Status.SUCCEEDED: {AttemptOutcome.SUCCEEDED},
    Status.FAILED: set(COUNTED_FAILURES),
    # A requested cancel turns every other outcome into a cancellation.
    Status.CANCELLED: set(AttemptOutcome) - {AttemptOutcome.SUCCEEDED},
}


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job's row at the end."""

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
    """One change of a job's status, in commit order."""

    job: str
    old: str
    new: str
    attempt_before: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the ledger: what a task did."""

    job: str
    attempt: int
    what: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request was answered; the status is 0 when there was no answer."""

    method: str
    path: str
    status: int = 0
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise."""

    kind: str
    job: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.job}: {self.text}"


@dataclass(slots=True)
class Records:
    """All that was written down."""

    accepted: dict[str, str] = field(default_factory=dict)  # the client's key -> the id of its 202
    asked: set[str] = field(default_factory=set)  # every key that a client sent
    retries: Counter[str] = field(default_factory=Counter)  # by job, how often it was asked
    jobs: list[JobRow] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ledger: list[Effect] = field(default_factory=list)
    living: set[str] = field(default_factory=set)  # consumers
    answers: list[Answer] = field(default_factory=list)


def check(records: Records) -> list[Violation]:
    """Return every violation of what must hold."""
    found = [*_promises(records), *_answers(records.answers)]
    attempts: dict[str, list[AttemptRow]] = defaultdict(list)
    for attempt in sorted(records.attempts, key=lambda row: row.number):
        attempts[attempt.job].append(attempt)
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in records.changes:
        changes[change.job].append(change)
    effects = Counter(records.ledger)
    for job in records.jobs:
        found += _ending(job, attempts[job.id], records.living)
        found += _numbers(job, attempts[job.id])
        found += _overlaps(job, attempts[job.id])
        found += _result(job, attempts[job.id], effects)
        found += _history(job, changes[job.id], records.retries[job.id])
    found += _effects(effects, {job.id for job in records.jobs})
    return found


def _promises(records: Records) -> Iterator[Violation]:
    rows = {job.id: job for job in records.jobs}
    for key, job_id in records.accepted.items():
        if job_id not in rows:
            yield Violation("lost", job_id, f"the 202 of {key} has no job")
        elif rows[job_id].key != key:
            yield Violation("lost", job_id, f"the 202 of {key} belongs to {rows[job_id].key}")
    keys = Counter(job.key for job in records.jobs)
    for job in records.jobs:
        if job.key not in records.asked:
            yield Violation("unasked", job.id, f"no request for {job.key}")
        if keys[job.key] > 1:
            yield Violation("doubled", job.id, f"{keys[job.key]} jobs for one request")


def _answers(answers: list[Answer]) -> Iterator[Violation]:
    for answer in answers:
        text = f"{answer.method} {answer.path}: {answer.status}"
        if answer.status >= 500 and answer.status != 503:
            yield Violation("server error", "", text)
        elif answer.status == 503 and not answer.retry_after.isdigit():
            yield Violation("server error", "", f"{text} without Retry-After")


def _ending(job: JobRow, attempts: list[AttemptRow], living: set[str]) -> Iterator[Violation]:
    if job.status not in FINAL:
        yield Violation("unfinished", job.id, f"it is still {job.status}")
        if job.status == Status.RUNNING and job.consumer not in living:
            yield Violation("of the dead", job.id, f"it belongs to {job.consumer}, which is dead")
        return
    last = attempts[-1].outcome if attempts else None
    if last is not None and last not in LEADS_TO[Status(job.status)] | {AttemptOutcome.RELEASED}:
        yield Violation("wrong end", job.id, f"{job.status}, but the last attempt {last}")
    if job.status == Status.FAILED and job.failures > job.max_attempts:
        yield Violation("wrong end", job.id, f"{job.failures} failures of {job.max_attempts}")


def _numbers(job: JobRow, attempts: list[AttemptRow]) -> Iterator[Violation]:
    numbers = [attempt.number for attempt in attempts]
    ended = job.attempt - (job.status == Status.RUNNING)
    if numbers != list(range(1, ended + 1)):
        yield Violation("gap", job.id, f"attempts {numbers} of {job.attempt}")
    for attempt in attempts:
        if attempt.outcome not in set(AttemptOutcome):
            yield Violation("gap", job.id, f"attempt {attempt.number} ended without an outcome")


def _overlaps(job: JobRow, attempts: list[AttemptRow]) -> Iterator[Violation]:
    for one, next_one in itertools.pairwise(attempts):
        if one.ended > next_one.started:
            yield Violation(
                "overlap", job.id, f"attempts {one.number} and {next_one.number} were both valid"
            )


def _result(
    job: JobRow, attempts: list[AttemptRow], ledger: Counter[Effect]
) -> Iterator[Violation]:
    winners = [row.number for row in attempts if row.outcome == AttemptOutcome.SUCCEEDED]
    if len(winners) > 1:
        yield Violation("finished twice", job.id, f"attempts {winners} both succeeded")
    if job.status != Status.SUCCEEDED:
        return
    if job.result_attempt != job.attempt:
        text = f"the result is of attempt {job.result_attempt}, the job's is {job.attempt}"
        yield Violation("wrong result", job.id, text)
    if not ledger[Effect(job.id, job.attempt, "end")]:
        yield Violation("no effect", job.id, f"attempt {job.attempt} succeeded and did nothing")


def _history(job: JobRow, changes: list[Change], retries: int) -> Iterator[Violation]:
    for change in changes:
        if Status(change.new) not in TRANSITIONS[Status(change.old)]:
            yield Violation("illegal", job.id, f"{change.old} -> {change.new}")
        claimed = change.new == Status.RUNNING
        if change.attempt != change.attempt_before + claimed:
            yield Violation("illegal", job.id, f"attempt {change.attempt_before}, {change.attempt}")
    again = sum(change.old in FINAL for change in changes)
    if again > retries:
        yield Violation("finished twice", job.id, f"it left its end {again} times, asked {retries}")
    ends = sum(change.new in FINAL for change in changes)
    if changes and ends != again + (job.status in FINAL):
        yield Violation("finished twice", job.id, f"{ends} ends, {again} times run again")


def _effects(ledger: Counter[Effect], known: set[str]) -> Iterator[Violation]:
    for effect, times in ledger.items():
        if times > 1:
            text = f"attempt {effect.attempt} did its {effect.what!r} {times} times"
            yield Violation("ran twice", effect.job, text)
        if effect.job not in known:
            yield Violation("lost", effect.job, "it ran, and there is no such job")
