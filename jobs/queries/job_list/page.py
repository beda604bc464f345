"""Reading a page of jobs: from which index, how far, and where the next page begins.

A filter may have several conditions, and no index has all of them. Which one to read is asked of
the rows, not left to the planners: PostgreSQL guesses from statistics, SQLite mostly from none, and
a wrong guess reads the whole table. So first it is found out by one statement how far ``MOST_READ``
entries of each index reach. One that ends before holds all jobs that can match; otherwise the one
that reaches farthest is read. The other conditions are hidden from the planners in a CASE.

A page that stops there may have few jobs or none, and still a next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import Adapter, as_time, as_uuid, connection, run
from jobs.models import Job
from jobs.queries.job_search import LARGE_COLUMNS

from .cursors import Cursor, Sort
from .filters import JobFilter, Sql, both
from .indexes import MOST_READ, Bound, Range, Source, sources, tightest

__all__ = ["MOST_READ", "Page", "read_page"]

_SET: Final = {"postgresql": "id = ANY(ARRAY({ids}))", "sqlite": "id IN ({ids})"}
"""As an array PostgreSQL looks up each id; as a subquery it may join it with the whole table."""


class Page(NamedTuple):
    """Some jobs in order, and where the next page begins; None when there is none."""

    jobs: list[Job]
    next: Cursor | None


class _Chosen(NamedTuple):
    """The source of a page, and the last place that is read of it; None for all of it."""

    source: Source
    floor: Any = None


def read_page(
    wanted: JobFilter,
    sort: Sort,
    limit: int,
    after: Cursor | None = None,
    large: Iterable[str] = (),
) -> Page:
    """Read a page of jobs by one statement, or two where no index alone decides.

    Args:
        wanted: which jobs.
        sort: their order; that by ``finished_at`` has the finished ones alone.
        limit: how many.
        after: the cursor of the page before.
        large: those of ``LARGE_COLUMNS`` that are read; the others are left empty.
    """
    db = connection()
    reader = _Reader(db, wanted, sort, after)
    chosen = reader.choose()
    sql = reader.statement(chosen, limit + 1, _columns(frozenset(large)))
    found = list(Job.objects.using(db.alias).raw(sql.text, sql.parameters))
    for job in found:
        _leave_empty(job)
    if len(found) > limit:
        return Page(found[:limit], Cursor.at(found[limit - 1], sort))
    return Page(found, None if chosen.floor is None else _place(chosen.floor, sort))


def _place(floor: Any, sort: Sort) -> Cursor:
    if sort.column == "id":
        return Cursor(as_uuid(floor))
    moment = as_time(floor)
    assert moment is not None  # noqa: S101  (the index has none without)
    return Cursor.behind_all_of(moment, sort)


@cache
def _columns(large: frozenset[str]) -> str:
    left_out = frozenset(LARGE_COLUMNS) - large
    fields = (field for field in Job._meta.concrete_fields if field.name not in left_out)
    return ", ".join(str(field.column) for field in fields)


def _leave_empty(job: Job) -> None:
    """Else a column that was not read would be read when it is used, by one statement a job."""
    values = vars(job)
    values.setdefault("args", [])
    values.setdefault("kwargs", {})
    values.setdefault("result", None)


def _is_place(value: Any) -> bool:
    return value is not None


class _Reader:
    """The statements of one page."""

    def __init__(
        self, db: BaseDatabaseWrapper, wanted: JobFilter, sort: Sort, after: Cursor | None
    ) -> None:
        self._db = db
        self._adapt = Adapter(db)
        self._sort = sort
        self._by_id = sort.column == "id"
        self._conditions = wanted.conditions(db)
        self._sources = sources(wanted, self._conditions, sort, self._adapt)
        self._bounds = {
            "id": self._bounds_of_ids(wanted, after),
            "finished_at": self._bounds_of_ends(wanted, after),
        }
        self._beyond = self._beyond_end(after)

    def _bounds_of_ids(self, wanted: JobFilter, after: Cursor | None) -> list[Bound]:
        since, until = wanted.id_span()
        found = [(">=", since), ("<", until)]
        if self._by_id and after is not None:
            found.append(("<" if self._sort.descends else ">", after.id))
        return [Bound(sign, self._adapt.uuid(one)) for sign, one in found if one is not None]

    def _bounds_of_ends(self, wanted: JobFilter, after: Cursor | None) -> list[Bound]:
        found = [(">=", wanted.finished.since), ("<", wanted.finished.until)]
        if after is not None:
            found.append(("<=" if self._sort.descends else ">=", after.finished_at))
        return [Bound(sign, self._adapt.time(one)) for sign, one in found if one is not None]

    def _beyond_end(self, after: Cursor | None) -> list[Sql]:
        """What is after a cursor, of the jobs that finished at its moment or later."""
        if after is None or after.finished_at is None:
            return []
        sign = "<" if self._sort.descends else ">"
        moment, key = self._adapt.time(after.finished_at), self._adapt.uuid(after.id)
        ended = Bound(f"{sign}=", moment).sql("finished_at")
        return [ended, Sql(f"(finished_at {sign} %s OR id {sign} %s)", (moment, key))]

    def choose(self) -> _Chosen:
        """Return what is read; without a statement where there is no choice."""
        if len(self._sources) == 1 and not self._others(self._sources[0]):
            return _Chosen(self._sources[0])
        probes = [self._probe(source, part) for source in self._sources for part in source.ranges]
        text = ", ".join(f"({probe.text})" for probe in probes)
        parameters = [value for probe in probes for value in probe.parameters]
        [row] = run(self._db, f"SELECT {text}", parameters)
        values = iter(row)
        reached = [(source, [next(values) for _ in source.ranges]) for source in self._sources]
        whole = [source for source, places in reached if not any(map(_is_place, places))]
        if whole:
            return _Chosen(min(whole, key=lambda source: not self._is_ordered(source)))
        farthest, nearest = (min, max) if self._sort.descends else (max, min)
        ordered = [
            _Chosen(source, nearest(filter(_is_place, places)))
            for source, places in reached
            if self._is_ordered(source)
        ]
        return farthest(ordered, key=lambda chosen: chosen.floor)

    def _others(self, source: Source) -> list[Sql]:
        """The conditions that a source does not cover."""
        return [sql for name, sql in self._conditions.items() if name not in source.covers]

    def _is_ordered(self, source: Source) -> bool:
        return source.column == self._sort.column

    def _within(self, source: Source, part: Range, floor: Any = None) -> Sql:
        """The part of a range in which this page can be, down to a floor."""
        bounds = self._bounds.get(source.column, [])
        if floor is not None:
            floor = floor if self._by_id else self._adapt.time(as_time(floor))
            bounds = [*bounds, Bound(">=" if self._sort.descends else "<=", floor)]
        more = self._beyond[1:] if source.column == "finished_at" else []
        return both([*part.within(tightest(bounds), source.column, self._db), *more])

    def _probe(self, source: Source, part: Range) -> Sql:
        """How far so many entries reach; NULL if there are not as many."""
        where = self._within(source, part)
        shown = source.column if self._is_ordered(source) else "1"
        text = (
            f"SELECT {shown} FROM jobs_job WHERE {where.text} "  # noqa: S608  (constants)
            f"ORDER BY {part.order_in(self._db)} LIMIT 1 OFFSET {source.most - 1}"
        )
        return Sql(text, where.parameters)

    def statement(self, chosen: _Chosen, limit: int, columns: str) -> Sql:
        """Return the statement that reads the rows."""
        source = chosen.source
        direction = " DESC" if self._sort.descends else ""
        order = f"id{direction}" if self._by_id else f"finished_at{direction}, id{direction}"
        if len(source.ranges) == 1 and self._is_ordered(source):
            (part,) = source.ranges
            where = both([self._within(source, part, chosen.floor), *self._hidden(source, [])])
            order = part.order_in(self._db) if part.column else order
        else:
            where = self._of_set(chosen, limit)
        text = (
            f"SELECT {columns} FROM jobs_job WHERE {where.text} "  # noqa: S608  (constants)
            f"ORDER BY {order} LIMIT {limit}"
        )
        return Sql(text, where.parameters)

    def _of_set(self, chosen: _Chosen, limit: int) -> Sql:
        """The rows of several ranges, or of one in another order: by their ids."""
        source = chosen.source
        ranges = [self._ids(chosen, part, limit) for part in source.ranges]
        union = " UNION ALL ".join(one.text for one in ranges)
        parameters = [value for one in ranges for value in one.parameters]
        bounds = both([bound.sql("id") for bound in tightest(self._bounds["id"])])
        ids = f"SELECT id FROM ({union}) AS found WHERE {bounds.text}"  # noqa: S608
        hidden = self._hidden(source, [] if self._by_id else [_FINISHED, *self._beyond])
        if self._by_id and not hidden:
            ids += f" ORDER BY id{' DESC' if self._sort.descends else ''} LIMIT {limit}"
        within = Sql(_SET[self._db.vendor].format(ids=ids), (*parameters, *bounds.parameters))
        return both([within, *hidden])

    def _ids(self, chosen: _Chosen, part: Range, limit: int) -> Sql:
        where = self._within(chosen.source, part, chosen.floor)
        inner = (
            f"SELECT id FROM jobs_job WHERE {where.text} "  # noqa: S608  (constants)
            f"ORDER BY {part.order_in(self._db)} LIMIT {max(chosen.source.most, limit)}"
        )
        return Sql(f"SELECT id FROM ({inner}) AS part", where.parameters)  # noqa: S608

    def _hidden(self, source: Source, more: Sequence[Sql]) -> list[Sql]:
        """What else must hold, as something that no planner looks into."""
        others = [*self._others(source), *more]
        if not others:
            return []
        inner = both(others)
        return [Sql(f"CASE WHEN {inner.text} THEN 1 ELSE 0 END = 1", inner.parameters)]


_FINISHED: Final = Sql("finished_at IS NOT NULL")
