"""A job as one row of a list, read without its large columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, TextField
from django.db.models.functions import Cast, Substr

from jobs.catalog import find_task
from jobs.core.states import Status
from jobs.core.users import names_of
from jobs.models import Job
from jobs.models.job import JobQuerySet

from .arguments import plain_json

ARGS_READ: Final = 200
LINE_LENGTH: Final = 80
_COLUMNS: Final = (
    "id",
    "task",
    "queue",
    "status",
    "error_type",
    "progress_done",
    "progress_total",
    "created_at",
    "run_after",
    "started_at",
    "finished_at",
    "cancel_requested",
    "version",
    "owner_id",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A job with its title and its arguments in one line, and its owner's name if asked for."""

    job: Job
    title: str
    line: str
    owner: str = ""

    @property
    def took(self) -> timedelta | None:
        """How long the last attempt took; None while it has not ended."""
        job = self.job
        if job.status == Status.RUNNING or job.started_at is None or job.finished_at is None:
            return None
        return job.finished_at - job.started_at

    @property
    def has_warnings(self) -> bool:
        """Whether it has succeeded, with warnings."""
        return self.job.status == Status.SUCCEEDED and getattr(self.job, "has_warnings", False)

    @property
    def running_since(self) -> datetime | None:
        """When the running attempt started, else None."""
        return self.job.started_at if self.job.status == Status.RUNNING else None


def select_row_columns(jobs: JobQuerySet) -> JobQuerySet:
    """Read what a row shows; arguments and results, up to a megabyte each, stay in the database."""
    start = Substr(Cast("kwargs", TextField()), 1, ARGS_READ)
    return jobs.only(*_COLUMNS).annotate(args_start=start, has_warnings=Q(warnings__isnull=False))


def rows(jobs: Iterable[Job], *, with_owners: bool = False) -> list[Row]:
    """Return the rows of jobs that were read with ``select_row_columns``.

    Args:
        jobs: the jobs.
        with_owners: look up the names of their owners, by one more statement: a list of one's own
            jobs shows none, and users may be in another database.
    """
    found = list(jobs)
    names = names_of(job.owner_id for job in found) if with_owners else {}
    return [
        Row(job, title_of(job.task), args_line(_start(job)), names.get(job.owner_id, ""))
        for job in found
    ]


def _start(job: Job) -> str:
    return str(getattr(job, "args_start", ""))


def title_of(name: str) -> str:
    """Return the title of a task, or its name if it is no longer in the code."""
    task = find_task(name)
    return task.title if task is not None else name


def args_line(text: str) -> str:
    """Return the beginning of the arguments' JSON as one short line: ``n 7, mode fast``."""
    try:
        values = json.loads(text)
    except ValueError:
        # Cut off in the middle: shown as it is.
        return _short(text.strip().removeprefix("{"))
    if not isinstance(values, dict):
        return ""
    pairs = (f"{name} {plain_json(value)}" for name, value in values.items() if _is_readable(value))
    return _short(", ".join(pairs))


def _is_readable(value: Any) -> bool:
    """Whether it says something to people: a file's id and an absent value do not."""
    return value not in (None, "", [], {}) and not (isinstance(value, dict) and "upload" in value)


def _short(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= LINE_LENGTH:
        return line
    return line[: LINE_LENGTH - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
