"""Whether the new database holds what the old one does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import CommandError

from .aliases import SOURCE
from .tables import Row, Table, is_json

SAMPLE: Final = 200
"""So many of the oldest and of the newest rows of each table are compared, value by value."""


def require_equal(tables: Sequence[Table], alias: str) -> int:
    """Compare the number of rows of each table, and a sample of them; return the number of all.

    Raises:
        CommandError: they differ.
    """
    total = 0
    for table in tables:
        old, new = table.rows(SOURCE).count(), table.rows(alias).count()
        if old != new:
            raise CommandError(
                f"{table.name} has {old} rows in the old database and {new} in the new one. "
                "Drop the new database and start again with an empty one."
            )
        _compare(table, alias, table.chunk(SOURCE, None, SAMPLE))
        _compare(table, alias, table.newest(SOURCE, SAMPLE))
        total += new
    return total


def _compare(table: Table, alias: str, rows: Sequence[Row]) -> None:
    copied = {table.key(row): row for row in table.same(alias, rows)}
    for row in rows:
        key = table.key(row)
        other = copied.get(key, ())
        for field, old, new in zip(table.fields, row, other, strict=False):
            if _plain(old, is_json(field)) != _plain(new, is_json(field)):
                raise CommandError(f"{table.name}.{field.column} of the row {key} differs.")
        if not other:
            raise CommandError(f"The row {key} of {table.name} is missing in the new database.")


def _plain(value: Any, as_json: bool) -> Any:
    if as_json and value is not None:
        return json.loads(value)
    return bytes(value) if isinstance(value, memoryview) else value
