"""What must hold for a whole site besides what holds for its jobs: pure functions over records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jobs.core.states import Status
from tests.chaos.checker import Answer, JobRow, Records, Violation, check
from tests.chaos.tasks import log_line

FAILING: Final = {"fail", "give_up", "die"}
"""The tasks that fail whatever happens. The others succeed, whatever happens."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was sent, and what the job that copied it has kept; None when nothing can be read."""

    job: str
    sent: bytes
    found: bytes | None


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The log of a job whose last attempt wrote so many lines."""

    job: str
    attempt: int
    lines: int
    text: str


@dataclass(slots=True)
class Site:
    """All that was written down of a site."""

    records: Records
    tasks: dict[str, str] = field(default_factory=dict)  # by job
    cancels: set[str] = field(default_factory=set)  # jobs whose cancel was asked for
    files: list[StoredFile] = field(default_factory=list)
    logs: list[TaskLog] = field(default_factory=list)


def check_site(site: Site) -> list[Violation]:
    """Return every violation of what must hold."""
    found = check(site.records)
    for job in site.records.jobs:
        found += _ending(job, site.tasks[job.id], was_cancelled=job.id in site.cancels)
    for answer in site.records.answers:
        found += _unanswered(answer)
    for file in site.files:
        found += _file(file)
    for log in site.logs:
        found += _log(log)
    return found


def _ending(job: JobRow, task: str, *, was_cancelled: bool) -> Iterator[Violation]:
    expected = Status.FAILED if task in FAILING else Status.SUCCEEDED
    if job.status != expected and not (was_cancelled and job.status == Status.CANCELLED):
        yield Violation("wrong end", job.id, f"{task} is {job.status}, not {expected}")


def _unanswered(answer: Answer) -> Iterator[Violation]:
    if not answer.status:
        yield Violation("unanswered", "", f"{answer.method} {answer.path}")


def _file(file: StoredFile) -> Iterator[Violation]:
    if file.found is None:
        yield Violation("lost file", file.job, "its artifact cannot be read")
    elif file.found != file.sent:
        text = f"{len(file.found)} bytes of {len(file.sent)} that were sent"
        yield Violation("wrong file", file.job, text)


def _log(log: TaskLog) -> Iterator[Violation]:
    beginning = log_line(log.attempt, 0).removesuffix("0")
    found = re.findall(rf"^[\d:]+ ({beginning}\d+)$", log.text, re.MULTILINE)
    expected = [log_line(log.attempt, number) for number in range(log.lines)]
    if found != expected:
        text = f"{len(found)} of {len(expected)} lines, or not in order"
        yield Violation("torn log", log.job, text)
