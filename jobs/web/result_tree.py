"""A result as its page shows it: one value large, rows as a table, an object as an open tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

MAX_DEPTH: Final = 6
"""Below this depth the rest is shown as JSON."""
MAX_VALUE_LENGTH: Final = 120
"""A longer text gets a block of its own."""
MAX_OPEN_SIZE: Final = 25
"""A node with more lines than this is folded, so that what follows it stays in view."""
_SCALARS: Final = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Sort:
    """Which column of which table is sorted: ``2.0`` ascending, ``-2.0`` descending."""

    table: int = -1
    column: int = -1
    descending: bool = False

    @classmethod
    def read(cls, text: str) -> Sort:
        """Return the order that an address asks for; anything else sorts nothing."""
        table, _, column = text.removeprefix("-").partition(".")
        if not (table.isdecimal() and column.isdecimal()):
            return cls()
        return cls(int(table[:6]), int(column[:6]), text.startswith("-"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, and how it is sorted now and by the next click."""

    name: str
    key: str
    sorted: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a result. ``kind``: value, values, text, json, list, object or table."""

    kind: str
    value: Any = None
    items: list[tuple[str, Node]] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)

    @property
    def is_leaf(self) -> bool:
        """Whether it fits on the line of its name."""
        return self.kind in {"value", "json"}

    @property
    def size(self) -> int:
        """How many lines it has: rows, values or members."""
        return len(self.rows or self.items or (self.value if self.kind == "values" else ()))

    @property
    def is_open(self) -> bool:
        """Whether it is open at first; a table that is sorted is."""
        return self.size <= MAX_OPEN_SIZE or any(column.sorted for column in self.columns)


def result_node(result: Any, sort: Sort) -> Node:
    """Return a result as a tree of nodes."""
    return _Reader(sort).read(result, 0)


def as_text(result: Any) -> str:
    """Return the result for copying and downloading: a text as it is, anything else as JSON."""
    if isinstance(result, str):
        return result
    return json.dumps(result, ensure_ascii=False, indent=2)


class _Reader:
    """Builds the nodes of a result; numbers its tables, so that an address can name one."""

    def __init__(self, sort: Sort) -> None:
        self._sort = sort
        self._numbers = count()

    def read(self, value: Any, depth: int) -> Node:
        if isinstance(value, str) and ("\n" in value or len(value) > MAX_VALUE_LENGTH):
            return Node("text", value)
        if isinstance(value, _SCALARS):
            return Node("value", value)
        if is_table(value):
            return self._table(value)
        if isinstance(value, list) and value and all(isinstance(item, _SCALARS) for item in value):
            return Node("values", value)
        if depth >= MAX_DEPTH or not value:
            return Node("json", json.dumps(value, ensure_ascii=False))
        return Node(
            "object" if isinstance(value, dict) else "list",
            items=[(name, self.read(item, depth + 1)) for name, item in _named(value)],
        )

    def _table(self, records: list[dict[str, Any]]) -> Node:
        number = next(self._numbers)
        names = list(dict.fromkeys(name for record in records for name in record))
        rows = [[record.get(name) for name in names] for record in records]
        columns = [self._column(number, at, name, rows) for at, name in enumerate(names)]
        if self._sort.table == number and self._sort.column < len(names):
            rows.sort(key=lambda row: _order(row[self._sort.column]), reverse=self._sort.descending)
        return Node("table", columns=columns, rows=rows)

    def _column(self, table: int, at: int, name: str, rows: list[list[Any]]) -> Column:
        values = [row[at] for row in rows if row[at] is not None]
        numeric = bool(values) and all(_is_number(value) for value in values)
        is_sorted = (self._sort.table, self._sort.column) == (table, at)
        state = ("descending" if self._sort.descending else "ascending") if is_sorted else ""
        # People want the largest number first, and texts from A.
        next_descending = not self._sort.descending if is_sorted else numeric
        return Column(name, f"{'-' if next_descending else ''}{table}.{at}", state, numeric)


def is_table(value: Any) -> bool:
    """Whether it is a list of flat objects."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(item, dict)
            and bool(item)
            and all(isinstance(part, _SCALARS) for part in item.values())
            for item in value
        )
    )


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    else:
        yield from ((str(at), item) for at, item in enumerate(value, 1))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _order(value: Any) -> tuple[int, Any]:
    """An order of mixed values: None first, then numbers, then texts."""
    if value is None:
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, str(value).casefold())
