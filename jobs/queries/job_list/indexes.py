"""The indexes that the jobs of a filter can be read from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import Adapter
from jobs.core.states import FINAL, UNFINISHED, Status
from jobs.models.job import MOST_UNFINISHED

from .cursors import Sort
from .filters import JobFilter, Sql

MOST_READ: Final = 10_000
"""Entries of an index, and rows, that one page reads."""
_ORDER_OF_UNFINISHED: Final = {
    Status.QUEUED: "queue, priority DESC, fair_position, id",
    Status.SCHEDULED: "run_after",
    Status.RUNNING: "consumer_id",
}
_SMALLEST, _LARGEST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)


class Bound(NamedTuple):
    """An end of a range: ``<``, ``<=``, ``>`` or ``>=``, and a value as the driver takes it."""

    sign: str
    value: Any

    def sql(self, column: str) -> Sql:
        """Return it as a condition."""
        return Sql(f"{column} {self.sign} %s", (self.value,))


def tightest(bounds: Sequence[Bound]) -> list[Bound]:
    """Return the upper and the lower end that leave the least: SQLite uses one of each alone."""
    lower = [bound for bound in bounds if bound.sign.startswith(">")]
    upper = [bound for bound in bounds if bound.sign.startswith("<")]
    found = [max(lower, key=lambda bound: (bound.value, bound.sign == ">"))] if lower else []
    if upper:
        found.append(min(upper, key=lambda bound: (bound.value, bound.sign == "<=")))
    return found


@dataclass(frozen=True, slots=True)
class Range:
    """A range of an index.

    Args:
        where: the condition of the index, in its own words, and what else limits the range.
        order: the order of its entries in SQL; with it PostgreSQL reads no other index. (Of those
            that are ordered by ``column``: the order of the rest of it.)
        column: of an index that is ordered by this column and then by id: the column.
        value: the value that the column has in the whole range.
    """

    where: Sql
    order: str
    column: str = ""
    value: Any = None

    def order_in(self, db: BaseDatabaseWrapper) -> str:
        """Return the order of the entries as this database is to see it; see ``within``."""
        if not self.column or db.vendor != "postgresql":
            return self.order
        return f"{self.column}{' DESC' if self.order.endswith('DESC') else ''}, {self.order}"

    def within(self, bounds: Sequence[Bound], by: str, db: BaseDatabaseWrapper) -> list[Sql]:
        """Return the conditions of the part that is within these bounds of the column ``by``.

        With ``column = value`` PostgreSQL would leave the column out of the order, and might read
        the primary key in this order, past all rows with other values.
        """
        if not self.column:
            return [self.where, *(bound.sql(by) for bound in bounds)]
        if db.vendor != "postgresql":
            # First: of two conditions of one column SQLite searches by the first.
            same = Sql(f"{self.column} = %s", (self.value,))
            return [same, self.where, *(bound.sql(by) for bound in bounds)]
        signs = {bound.sign[0] for bound in bounds}
        ends = [Bound(">=", _SMALLEST)] * (">" not in signs)
        ends += [Bound("<=", _LARGEST)] * ("<" not in signs)
        pairs = [
            Sql(f"({self.column}, id) {bound.sign} (%s, %s)", (self.value, bound.value))
            for bound in (*bounds, *ends)
        ]
        return [self.where, *pairs]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the jobs of a filter are read from: one range of an index or several.

    Args:
        ranges: the ranges.
        covers: the conditions that hold for all jobs in them, by name.
        column: by what each range is ordered, ``id`` or ``finished_at``; "" for something else.
        is_narrow: whether nothing of a row is read beside its entry to know that it belongs here.
    """

    ranges: tuple[Range, ...]
    covers: frozenset[str]
    column: str = "id"
    is_narrow: bool = False

    @property
    def most(self) -> int:
        """So many entries of each range are read at most."""
        return MOST_UNFINISHED if self.is_narrow else MOST_READ


def sources(
    wanted: JobFilter, conditions: dict[str, Sql], sort: Sort, adapt: Adapter
) -> list[Source]:
    """Return every index that can be read, the narrowest as a rule first."""
    found: list[Source] = []
    if wanted.statuses:
        found += _of_statuses(wanted.statuses, conditions, sort)
    if wanted.error_type:
        found.append(
            _by("error_type", wanted.error_type, "error_type", sort, "NOT (error_type = '')")
        )
    if wanted.owner is not None:
        found.append(_by("owner_id", adapt.key(wanted.owner), "owner", sort))
    if wanted.task:
        found.append(_by("task", wanted.task, "task", sort))
    found += _of_search(wanted, conditions, sort)
    if sort.column == "finished_at" or any(wanted.finished):
        part = Range(Sql("finished_at IS NOT NULL"), f"finished_at{_direction(sort)}")
        found.append(Source((part,), frozenset({"finished"}), "finished_at"))
    if not any(source.column == sort.column for source in found):
        found.append(Source((Range(Sql("TRUE"), f"id{_direction(sort)}"),), frozenset()))
    return found


def _direction(sort: Sort) -> str:
    return " DESC" if sort.descends else ""


def _range_of(column: str, value: Any, sort: Sort, condition: str = "TRUE") -> Range:
    return Range(Sql(condition), f"id{_direction(sort)}", column, value)


def _by(column: str, value: Any, name: str, sort: Sort, condition: str = "TRUE") -> Source:
    return Source((_range_of(column, value, sort, condition),), frozenset({name}))


def _of_statuses(
    statuses: frozenset[Status], conditions: dict[str, Sql], sort: Sort
) -> list[Source]:
    """Most jobs have succeeded: no index has those."""
    if sort.column == "finished_at":
        statuses = statuses & FINAL  # the others are in no such list
    if Status.SUCCEEDED in statuses:
        return []
    covers = frozenset({"status"})
    if not statuses:
        return [Source((Range(Sql("FALSE"), "id"),), covers, "")]
    unhappy = "status IN ('failed', 'cancelled')"
    ranges = tuple(
        Range(Sql(f"status = '{status.value}'"), _ORDER_OF_UNFINISHED[status])
        if status in UNFINISHED
        else _range_of("status", status.value, sort, unhappy)
        for status in sorted(statuses)
    )
    if statuses <= FINAL:
        return [Source(ranges, covers)]
    return [Source(ranges, covers, "", is_narrow=statuses <= UNFINISHED and len(conditions) == 1)]


def _of_search(wanted: JobFilter, conditions: dict[str, Sql], sort: Sort) -> list[Source]:
    search = wanted.search
    if search is None or (search.ids is not None and search.tasks) or len(search.tasks) > 1:
        return []
    if search.tasks:
        return [_by("task", search.tasks[0], "search", sort)]
    part = Range(conditions["search"], f"id{_direction(sort)}")
    return [Source((part,), frozenset({"search"}))]
