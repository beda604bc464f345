"""Rows by the million: copies of one row, made by one statement inside the database."""

from __future__ import annotations

from typing import Final

from django.db import connection

from jobs.models import Attempt, Job

# A UUIDv7 of the second that a copy gets: ids grow with time, as real ones do.
# Two per cent signs: the driver's marks for parameters have one.
_ID_SQLITE: Final = "printf('%012x7%03x8%015x', {ms}, n.i %% 4096, n.i)"
_ID_POSTGRES: Final = (
    "(lpad(to_hex({ms}), 12, '0') || '7' || lpad(to_hex(n.i %% 4096), 3, '0') || '8'"
    " || lpad(to_hex(n.i), 15, '0'))::uuid"
)
_NUMBERS_SQLITE: Final = (
    "(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {count})"
    " SELECT i FROM c)"
)
_NUMBERS_POSTGRES: Final = "(SELECT generate_series(1::bigint, {count}) AS i)"


def multiply(template: Job, count: int, first_ms: int) -> None:
    """Make ``count`` copies of a job and of its attempts; the first is of ``first_ms``.

    The copies are a millisecond apart.
    """
    sqlite = connection.vendor == "sqlite"
    numbers = (_NUMBERS_SQLITE if sqlite else _NUMBERS_POSTGRES).format(count=count)
    new_id = (_ID_SQLITE if sqlite else _ID_POSTGRES).format(ms=f"({first_ms} + n.i)")
    with connection.cursor() as cursor:
        for model, key in ((Job, "id"), (Attempt, "job_id")):
            columns = [
                str(field.column)
                for field in model._meta.concrete_fields
                if field.column not in {key, "id"}
            ]
            names = ", ".join(columns)
            given = ", ".join(f"t.{column}" for column in columns)
            found = template.id.hex if sqlite else str(template.id)
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({key}, {names}) SELECT {new_id}, {given}"
                f" FROM {numbers} AS n, {model._meta.db_table} AS t WHERE t.{key} = %s",
                [found],
            )
        if not sqlite:
            # As its autovacuum would, minutes later. SQLite gathers no statistics by itself.
            cursor.execute("VACUUM ANALYZE")
