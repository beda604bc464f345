"""Copying the tables, chunk by chunk, from where an earlier run has stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import transaction

from .aliases import SOURCE
from .rows import REFUSALS, RowWriter, digest
from .state import Position
from .tables import Row, Table
from .target import Target

MOST_ROWS: Final = 5_000
CHUNK_CHARACTERS: Final = 4_000_000
"""A chunk holds no more rows, nor text, than this: it is in memory twice."""

Progress = Callable[[Table, Position], None]


def copy_table(table: Table, target: Target, progress: Progress) -> Position:
    """Copy the rows of a table that are not copied yet; return where it ends.

    Raises:
        CommandError: the new database refuses a row.
    """
    position = target.state.position(table.name)
    writer = RowWriter(target.db, table)
    limit = 100
    while not position.done:
        rows = table.chunk(SOURCE, position.last, limit)
        following = _after(table, position, rows, done=len(rows) < limit)
        try:
            with transaction.atomic(using=target.db.alias):
                writer.write(rows)
                target.state.set_position(table.name, following)
        except REFUSALS as error:
            raise _refusal(table, writer, rows, error) from error
        position = following
        limit = _next_limit(rows, limit)
        progress(table, position)
    return position


def restart_changed(tables: Sequence[Table], target: Target, say: Callable[[str], Any]) -> None:
    """Begin again with the tables whose copied rows are no longer those of the old database."""
    for table in tables:
        copied = target.state.position(table.name)
        if (copied.rows or copied.done) and not _is_unchanged(table, copied):
            say(f"{table.name} has changed since the move began: it is copied again")
            with transaction.atomic(using=target.db.alias):
                target.clear(table)
                target.state.set_position(table.name, Position())


def _is_unchanged(table: Table, copied: Position) -> bool:
    """Read the rows that were copied again, and look whether any has changed."""
    now, limit = Position(), 100
    while now.rows < copied.rows:
        rows = table.chunk(SOURCE, now.last, min(limit, copied.rows - now.rows))
        if not rows:
            return False
        now = _after(table, now, rows, done=False)
        limit = _next_limit(rows, limit)
    # A table that was finished may have got more rows.
    more = copied.done and table.chunk(SOURCE, now.last, 1)
    return not more and now.digest == copied.digest


def _after(table: Table, position: Position, rows: Sequence[Row], *, done: bool) -> Position:
    return Position(
        rows=position.rows + len(rows),
        last=table.key_text(rows[-1]) if rows else position.last,
        digest=(position.digest + digest(rows)) % 2**64,
        done=done,
    )


def _next_limit(rows: Sequence[Row], limit: int) -> int:
    size = sum(
        len(value) for row in rows for value in row if isinstance(value, str | bytes | memoryview)
    )
    fitting = CHUNK_CHARACTERS * max(1, len(rows)) // max(1, size)
    return max(1, min(MOST_ROWS, fitting, 4 * limit))


def _refusal(
    table: Table, writer: RowWriter, rows: Sequence[Row], error: Exception
) -> CommandError:
    key = table.key(writer.find_refused(rows))
    return CommandError(
        f"The new database refuses the row {key} of {table.name}: {str(error).strip()} "
        "Correct it in the old database and start the command again: it goes on from there."
    )
