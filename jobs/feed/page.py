"""Reading a page of the feed: bounded in jobs, in bytes, and in what is looked at."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.credentials import Credential
from jobs.core.db import Adapter, as_uuid, connection, run

from .clock import HeldBack, complete_below, held_back
from .cursor import Cursor
from .job_text import JobRow, job_text, row_columns, time_text

MAX_LIMIT: Final = 1000
_WINDOW: Final = 20_000
"""Jobs that are looked at in one statement for the few that a filter lets through."""
_SEARCH_SECONDS: Final = 0.25
"""A page without a job so far is searched for this long."""
_CHUNK: Final = 250
"""Rows of one statement: with the largest arguments these are what is in memory at once."""
_MOST_CHARACTERS: Final = 8 * 1024 * 1024
"""Of a page's JSON: one with large jobs has fewer of them."""

_AFTER: Final = """
feed_position IS NOT NULL AND (feed_position, id) > (%s, %s) AND feed_position < %s
"""
# Parameters: position and id of the cursor, bound. Rows: (position, id) of the window's last job.
_WINDOW_END: Final = f"""
SELECT feed_position, id FROM jobs_job WHERE {_AFTER}
ORDER BY feed_position, id LIMIT 1 OFFSET {_WINDOW - 1}
"""  # noqa: S608
_ARTIFACTS: Final = "SELECT job_id, name, size FROM jobs_artifact WHERE job_id IN ({ids})"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs of the feed.

    Attributes:
        owner_id: only those of this user.
        everyone: those of all users; ``owner_id`` is not looked at.
        task: only those of this task; "" for all.
        limits: only those that this token is limited to; None for all.
    """

    owner_id: Any = None
    everyone: bool = False
    task: str = ""
    limits: Credential | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether some jobs are left out."""
        return bool(self.task) or not self.everyone or self.limits is not None


class Item(NamedTuple):
    """A job of the feed: its JSON on one line, its position, and its id as the driver has it."""

    text: str
    position: int
    job_id: Any

    @property
    def cursor(self) -> Cursor:
        """The place behind it."""
        return Cursor(self.position, as_uuid(self.job_id), self.position // 1_000_000)


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs in the order in which they ended.

    Attributes:
        items: the jobs.
        next: where the next page begins.
        more: whether there was more to look at than is in this page.
        held_back: what an open transaction keeps out of the feed.
    """

    items: list[Item]
    next: Cursor
    more: bool
    held_back: HeldBack | None = None


def read_page(after: Cursor | None, selection: Selection, limit: int, mount: str | None) -> Page:
    """Return the jobs that ended after a cursor, in the order in which they ended.

    Args:
        after: where to begin; None for the oldest job that is kept.
        selection: which jobs.
        limit: how many at most.
        mount: as ``job_text`` takes it.

    Raises:
        FeedClosed: the feed cannot be read yet.
    """
    db = connection()
    now = int(time.time())
    bound = complete_below(db)
    place = after or Cursor.start()
    until = time.monotonic() + _SEARCH_SECONDS
    while True:
        end = _window_end(db, place, bound) if selection.is_narrow else None
        rows, is_cut = _rows(db, place, bound, end, selection, limit)
        if rows or end is None or time.monotonic() > until:
            break
        place = _seen(place, *end)
    items = _items(db, rows, mount)
    if is_cut:
        return Page(items, items[-1].cursor, more=True)
    if end is not None:
        return Page(items, _seen(items[-1].cursor if items else place, *end), more=True)
    last = items[-1].cursor if items else place
    return Page(items, replace(last, seen_until=now), False, held_back(db, bound))


def _seen(place: Cursor, position: int, job_id: Any) -> Cursor:
    return Cursor(position, as_uuid(job_id), max(place.seen_until, position // 1_000_000))


def _window_end(db: BaseDatabaseWrapper, place: Cursor, bound: int) -> tuple[int, Any] | None:
    """The last job to look at; None if there are fewer than a window has."""
    found = run(db, _WINDOW_END, [place.position, Adapter(db).uuid(place.job_id), bound])
    return (found[0][0], found[0][1]) if found else None


def _rows(
    db: BaseDatabaseWrapper,
    place: Cursor,
    bound: int,
    end: tuple[int, Any] | None,
    selection: Selection,
    limit: int,
) -> tuple[list[JobRow], bool]:
    """The rows of a page, and whether it is full."""
    found: list[JobRow] = []
    adapt = Adapter(db)
    at: tuple[int, Any] = (place.position, adapt.uuid(place.job_id))
    characters = 0
    while len(found) < limit:
        size = min(_CHUNK, limit - len(found))
        statement, parameters = _statement(db, selection, at, bound, end)
        chunk = list(map(JobRow._make, run(db, f"{statement} LIMIT {size}", parameters)))
        found += chunk
        if len(chunk) < size:
            return found, False
        characters += sum(row.weight for row in chunk)
        if characters > _MOST_CHARACTERS:
            return found, True
        at = (chunk[-1].position, chunk[-1].id)
    return found, True


def _statement(
    db: BaseDatabaseWrapper,
    selection: Selection,
    at: tuple[int, Any],
    bound: int,
    end: tuple[int, Any] | None,
) -> tuple[str, list[Any]]:
    conditions, parameters = [_AFTER, "finished_at IS NOT NULL"], [*at, bound]
    if end is not None:
        conditions.append("(feed_position, id) <= (%s, %s)")
        parameters += end
    # As expressions, so that a window is read by its positions: never all jobs of a task or owner.
    if selection.task:
        conditions.append("task || '' = %s")
        parameters.append(selection.task)
    for column, names in _limited(selection.limits):
        conditions.append(f"{column} || '' IN ({', '.join(['%s'] * len(names))})")
        parameters += sorted(names)
    if not selection.everyone:
        conditions.append("COALESCE(owner_id, owner_id) = %s")
        parameters.append(Adapter(db).key(selection.owner_id))
    where = " AND ".join(conditions)
    statement = (
        f"SELECT {row_columns(db)} FROM jobs_job WHERE {where} "  # noqa: S608
        "ORDER BY feed_position, id"
    )
    return statement, parameters


def _limited(limits: Credential | None) -> Iterator[tuple[str, frozenset[str]]]:
    if limits is not None and limits.tasks is not None:
        yield "task", limits.tasks
    if limits is not None and limits.queues is not None:
        yield "queue", limits.queues


def _items(db: BaseDatabaseWrapper, rows: Sequence[JobRow], mount: str | None) -> list[Item]:
    files, when = _artifacts(db, rows), time_text(db)
    return [
        Item(job_text(row, files.get(row.id, ()), mount, when), row.position, row.id)
        for row in rows
    ]


def _artifacts(
    db: BaseDatabaseWrapper, rows: Sequence[JobRow]
) -> dict[uuid.UUID | str, list[tuple[str, int]]]:
    found: dict[uuid.UUID | str, list[tuple[str, int]]] = defaultdict(list)
    ids = [row.id for row in rows if row.attempt]
    for first in range(0, len(ids), _CHUNK):
        some = ids[first : first + _CHUNK]
        statement = _ARTIFACTS.format(ids=", ".join(["%s"] * len(some)))
        for job_id, name, size in run(db, f"{statement} ORDER BY name", some):
            found[job_id].append((name, size))
    return found
