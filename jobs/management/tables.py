"""Tables: aligned and fit to the terminal for people, tab-separated and whole for programs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.core.management.base import OutputWrapper

from jobs.core.times import local

GAP: Final = "  "
CUT: Final = "..."
SHORTEST: Final = 8
"""Characters to which a column is cut at most."""

Row = Sequence[str]
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a table.

    Attributes:
        titles: their names.
        may_be_cut: the titles of those that are cut where the terminal is too narrow; a script or a
            person copies the others.
    """

    titles: Sequence[str]
    may_be_cut: Collection[str] = ()


def write_table(out: OutputWrapper, table: Table, rows: Sequence[Row]) -> None:
    """Write rows of as many texts as the table has columns."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if not out.isatty():
        for row in cells:
            out.write("\t".join(row))
        return
    if cells:
        _write_aligned(out, *_without_empty_columns(table, cells))


def _without_empty_columns(table: Table, cells: list[list[str]]) -> tuple[Table, list[list[str]]]:
    """They would take the room that the others need."""
    kept = [n for n in range(len(table.titles)) if any(row[n] for row in cells)]
    titles = [table.titles[n] for n in kept]
    return replace(table, titles=titles), [[row[n] for n in kept] for row in cells]


def _write_aligned(out: OutputWrapper, table: Table, cells: list[list[str]]) -> None:
    widths = _widths(table, cells, shutil.get_terminal_size().columns)
    for line in [list(table.titles), *cells]:
        texts = (_fit(cell, width) for cell, width in zip(line, widths, strict=True))
        out.write(GAP.join(texts).rstrip())


def one_line(text: str) -> str:
    """Return a text without line ends and control characters, which would steer a terminal."""
    return _CONTROL.sub(" ", text)


def time_text(moment: datetime | None) -> str:
    """Return a time in the project's zone with its offset, "" for none."""
    return "" if moment is None else local(moment).isoformat(sep=" ", timespec="seconds")


def _widths(table: Table, rows: Sequence[Row], available: int) -> list[int]:
    widths = [max(map(len, column)) for column in zip(table.titles, *rows, strict=True)]
    shrinkable = [n for n, title in enumerate(table.titles) if title in table.may_be_cut]
    too_much = sum(widths) + len(GAP) * (len(widths) - 1) - available
    while too_much > 0 and shrinkable:
        widest = max(shrinkable, key=lambda n: widths[n])
        if widths[widest] <= max(SHORTEST, len(table.titles[widest])):
            break
        widths[widest] -= 1
        too_much -= 1
    return widths


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - len(CUT)] + CUT
