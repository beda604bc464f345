"""Reading a page of the feed: bounded in jobs, in bytes, and in what is looked at."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import Adapter, as_uuid, connection, run

from .clock import HeldBack, complete_below, held_back
from .cursor import Cursor
from .job_text import JobRow, job_text, row_columns, time_text
from .selection import Selection

MAX_LIMIT: Final = 1000
_WINDOW: Final = 20_000
"""Jobs that are looked at in one statement for the few that a filter lets through."""
_SEARCH_SECONDS: Final = 0.25
"""A page without a job so far is searched for this long."""
_CHUNK: Final = 250
"""Rows of one statement: with the largest arguments these are what is in memory at once."""
_MOST_CHARACTERS: Final = 8 * 1024 * 1024
"""Of a page's JSON: one with large jobs has fewer of them."""

# As an expression the position has no index: where those of a few jobs are read by another one.
_AFTER: Final = {
    is_indexed: f"""
{name} IS NOT NULL AND ({name}, id) > (%s, %s) AND {name} < %s AND finished_at IS NOT NULL
"""
    for is_indexed, name in ((True, "feed_position"), (False, "+feed_position"))
}
# Parameters: position and id of the cursor, bound. Rows: (position, id) of the window's last job.
_WINDOW_END: Final = f"""
SELECT feed_position, id FROM jobs_job
WHERE feed_position IS NOT NULL AND (feed_position, id) > (%s, %s) AND feed_position < %s
ORDER BY feed_position, id LIMIT 1 OFFSET {_WINDOW - 1}
"""  # noqa: S608
# Parameter: bound. Rows: (position, id) of the job in the feed that ended last.
_NEWEST: Final = """
SELECT feed_position, id FROM jobs_job WHERE feed_position IS NOT NULL AND feed_position < %s
ORDER BY feed_position DESC, id DESC LIMIT 1
"""


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
        part = _part(db, place, bound, selection)
        end = part.end
        rows, is_cut = _rows(db, place, part, limit)
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


# Parameters: the ids of the jobs; on PostgreSQL as an array. Rows: (job's id, name, size).
_ARTIFACTS: Final = """
SELECT job_id, name, size FROM jobs_artifact WHERE job_id IN ({ids}) ORDER BY name
"""
_ARTIFACTS_OF_ARRAY: Final = """
SELECT CAST(job_id AS text), name, size FROM jobs_artifact
WHERE job_id = ANY(CAST(%s AS uuid[])) ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class _Part:
    """What is looked at for one page: the jobs of a selection between a cursor and an end.

    Attributes:
        selection: which jobs.
        bound: the position that all of them are below.
        end: position and id of the last job that is looked at; None for all below the bound.
        indexed: the selection's column by which they are found; "" if by their positions.
    """

    selection: Selection
    bound: int
    end: tuple[int, Any] | None = None
    indexed: str = ""


def _part(db: BaseDatabaseWrapper, place: Cursor, bound: int, selection: Selection) -> _Part:
    """Return what is looked at next: a window, if there is more, or all where it has few jobs."""
    if not selection.is_narrow:
        return _Part(selection, bound)
    found = run(db, _WINDOW_END, [place.position, Adapter(db).uuid(place.job_id), bound])
    if not found:
        return _Part(selection, bound)
    indexed = selection.rare_column(db)
    if indexed:  # before they are read: what ends meanwhile is behind it
        found = run(db, _NEWEST, [bound]) or found
    return _Part(selection, bound, (found[0][0], found[0][1]), indexed)


def _rows(
    db: BaseDatabaseWrapper, place: Cursor, part: _Part, limit: int
) -> tuple[list[JobRow], bool]:
    """The rows of a page, and whether it is full."""
    found: list[JobRow] = []
    at: tuple[int, Any] = (place.position, Adapter(db).uuid(place.job_id))
    characters = 0
    while len(found) < limit:
        size = min(_CHUNK, limit - len(found))
        statement, parameters = _statement(db, part, at)
        chunk = list(map(JobRow._make, run(db, f"{statement} LIMIT {size}", parameters)))
        found += chunk
        if len(chunk) < size:
            return found, False
        characters += sum(row.weight for row in chunk)
        if characters > _MOST_CHARACTERS:
            return found, True
        at = (chunk[-1].position, chunk[-1].id)
    return found, True


def _statement(db: BaseDatabaseWrapper, part: _Part, at: tuple[int, Any]) -> tuple[str, list[Any]]:
    position = "+feed_position" if part.indexed else "feed_position"
    conditions, parameters = [_AFTER[not part.indexed]], [*at, part.bound]
    if part.end is not None:
        conditions.append(f"({position}, id) <= (%s, %s)")
        parameters += part.end
    more, values = part.selection.conditions(db, part.indexed)
    where = " AND ".join([*conditions, *more])
    statement = (
        f"SELECT {row_columns(db)} FROM jobs_job WHERE {where} "  # noqa: S608
        f"ORDER BY {position}, id"
    )
    return statement, [*parameters, *values]


def _items(db: BaseDatabaseWrapper, rows: Sequence[JobRow], mount: str | None) -> list[Item]:
    files, when = _artifacts(db, rows), time_text(db)
    return [
        Item(job_text(row, files.get(row.id, ()), mount, when), row.position, row.id)
        for row in rows
    ]


def _artifacts(db: BaseDatabaseWrapper, rows: Sequence[JobRow]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    ids = [row.id for row in rows if row.attempt]
    for first in range(0, len(ids), _CHUNK):
        for job_id, name, size in _artifacts_of(db, ids[first : first + _CHUNK]):
            found[job_id].append((name, size))
    return found


def _artifacts_of(db: BaseDatabaseWrapper, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    if db.vendor == "postgresql":
        # One parameter: psycopg would take as long for many as for the jobs themselves.
        return run(db, _ARTIFACTS_OF_ARRAY, [f"{{{','.join(ids)}}}"])
    return run(db, _ARTIFACTS.format(ids=", ".join(["%s"] * len(ids))), ids)
