"""Jobs of every kind for lists of them, and what a list of them has to be, in plain Python."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User

from jobs.core.states import FINAL, Status
from jobs.core.uuid7 import first_uuid7
from jobs.models import Job
from jobs.queries.job_list import Cursor, JobFilter, Sort, read_page
from jobs.queries.job_list.filters import Span
from jobs.queries.job_search import Search

BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)
TASKS: Final = ("app.fetch", "app.count", "other.fetch")
ERRORS: Final = ("ValueError", "Timeout")
VALUES: Final = ("7", 7, 7.0, 7.5, True, False, None, "true", "ü", [7], {"a": 7}, "", 10**17)
TEXTS: Final = ("7", "7.0", "7.50", "true", "false", "null", "ü", "", "100000000000000000", "1e0")


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def make_jobs(count: int, owners: list[User | None], seed: int = 1) -> list[Job]:
    """Record jobs of every kind, a minute apart, some of which finished at the same moment."""
    chance = random.Random(seed)
    return Job.objects.bulk_create(_job(chance, number, owners) for number in range(count))


def _job(chance: random.Random, number: int, owners: list[User | None]) -> Job:
    status = chance.choice(Status.values)
    ended = status in FINAL
    unhappy = status == Status.FAILED or (status == Status.SCHEDULED and chance.random() < 0.5)
    arguments = {"x": chance.choice(VALUES)} if chance.random() < 0.8 else {}
    made = first_uuid7(at(number).timestamp()).int | 7 << 76 | 2 << 62 | chance.getrandbits(60)
    return Job(
        id=uuid.UUID(int=made),
        task=chance.choice(TASKS),
        queue=chance.choice(["default", "mail"]),
        status=status,
        kwargs=arguments,
        owner=chance.choice(owners),
        error_type=chance.choice(ERRORS) if unhappy else "",
        created_at=at(number) + timedelta(seconds=1),
        run_after=at(10**6) if status == Status.SCHEDULED else None,
        finished_at=at(number + chance.randrange(40)) if ended else None,
        attempt=int(ended),
    )


def expected(jobs: list[Job], wanted: JobFilter, sort: Sort) -> list[uuid.UUID]:
    """Return the ids of a whole list."""
    found = [job for job in jobs if _fits(job, wanted)]
    if sort.column == "finished_at":
        ended = [(job.finished_at, job.id) for job in found if job.finished_at is not None]
        return [key for _, key in sorted(ended, reverse=sort.descends)]
    return sorted((job.id for job in found), reverse=sort.descends)


def _fits(job: Job, wanted: JobFilter) -> bool:
    return all(
        (
            wanted.owner is None or job.owner_id == wanted.owner,
            not wanted.task or job.task == wanted.task,
            not wanted.queue or job.queue == wanted.queue,
            not wanted.statuses or job.status in wanted.statuses,
            not wanted.error_type or job.error_type == wanted.error_type,
            _within(job.created_at, wanted.created),
            _within(job.finished_at, wanted.finished),
            wanted.search is None or _found(job, wanted.search),
            all(_is(job.kwargs, name, text) for name, text in wanted.arguments.items()),
        )
    )


def _within(moment: datetime | None, span: Span) -> bool:
    if moment is None:
        return not any(span)
    return (span.since is None or moment >= span.since) and (
        span.until is None or moment < span.until
    )


def _found(job: Job, search: Search) -> bool:
    in_ids = search.ids is not None and search.ids[0] <= job.id <= search.ids[1]
    return in_ids or job.task in search.tasks


def _is(arguments: dict[str, Any], name: str, text: str) -> bool:
    if name not in arguments:
        return False
    value = arguments[name]
    if isinstance(value, str):
        return value == text
    if value is None or isinstance(value, bool):
        return text == {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return False


def all_pages(wanted: JobFilter, sort: Sort, limit: int) -> Iterator[list[uuid.UUID]]:
    """Follow a list to its end, by cursors as a client has them."""
    after: Cursor | None = None
    while True:
        page = read_page(wanted, sort, limit, after)
        yield [job.id for job in page.jobs]
        if page.next is None:
            return
        after = Cursor.read(str(page.next), sort)


def filters(jobs: list[Job], owner: Any) -> list[JobFilter]:
    """Filters of every kind, alone and together."""
    span = Span(at(30), at(80))
    single: list[dict[str, Any]] = [
        {},
        {"owner": owner},
        {"task": TASKS[0]},
        {"queue": "mail"},
        {"error_type": ERRORS[0]},
        {"created": span},
        {"finished": span},
        {"search": Search(None, ["app.fetch", "other.fetch"])},
        {"search": Search(None, ["app.count"])},
        {"search": Search((jobs[20].id, jobs[60].id), [])},
        {"search": Search((jobs[20].id, jobs[60].id), ["app.count"])},
        {"search": Search(None, [])},
        *({"statuses": frozenset({one})} for one in Status),
        {"statuses": frozenset({Status.FAILED, Status.CANCELLED})},
        {"statuses": frozenset({Status.QUEUED, Status.RUNNING, Status.FAILED})},
        {"statuses": frozenset({Status.SUCCEEDED, Status.FAILED})},
        *({"arguments": {"x": text}} for text in TEXTS),
        {"arguments": {"missing": "7"}},
    ]
    several = [
        first | second
        for number, first in enumerate(single)
        for second in single[number + 1 :: 5]
        if not first.keys() & second.keys()
    ]
    most: dict[str, Any] = {"owner": owner, "task": TASKS[0], "created": Span(at(20)), "queue": ""}
    return [JobFilter(**one) for one in (*single, *several, most)]
