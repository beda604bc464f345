"""Fills the table with millions of copies of one job, by one statement inside the database."""

from __future__ import annotations

import time
from typing import Any, Final

from django.db import connection
from django.db.models import Model

from jobs.models import Attempt, Job

DAYS: Final = 30
"""The copies are spread over this many days up to now, as under a retention period."""

_COMPUTED: Final = frozenset(
    {"created_at", "started_at", "finished_at", "ended_at", "feed_position"}
)

# An id is a UUIDv7 of the copy's time, so ids grow with time as real ones do.
# (A per cent sign is doubled, because the driver's parameter marks begin with one.)
_SQLITE: Final = {
    "numbers": "(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {count})"
    " SELECT i, {first} + i * {span} / {count} AS ms FROM c)",
    "id": "printf('%%012x7%%03x8%%015x', n.ms, n.i %% 4096, n.i)",
    "time": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', n.ms / 1000.0, 'unixepoch') || '000'",
}
_POSTGRES: Final = {
    "numbers": "(SELECT i, {first} + i * {span} / {count} AS ms"
    " FROM generate_series(1::bigint, {count}) AS i)",
    "id": "(lpad(to_hex(n.ms), 12, '0') || '7' || lpad(to_hex(n.i %% 4096), 3, '0') || '8'"
    " || lpad(to_hex(n.i), 15, '0'))::uuid",
    "time": "to_timestamp(n.ms / 1000.0)",
}


def copy_job(template: Job, count: int) -> None:
    """Make ``count`` copies of a job and of its attempts."""
    dialect = _SQLITE if connection.vendor == "sqlite" else _POSTGRES
    span = DAYS * 24 * 3600 * 1000
    first = int(time.time() * 1000) - span - 60_000
    numbers = dialect["numbers"].format(count=count, first=first, span=span)
    with connection.cursor() as cursor:
        for model, key in ((Job, "id"), (Attempt, "job_id")):
            names, values = _columns(model, key, dialect)
            table = model._meta.db_table
            cursor.execute(
                f"INSERT INTO {table} ({key}, {names}) SELECT {dialect['id']}, {values}"
                f" FROM {numbers} AS n, {table} AS t WHERE t.{key} = %s",
                [template.id.hex if connection.vendor == "sqlite" else str(template.id)],
            )
        if connection.vendor == "postgresql":
            # Autovacuum would do this minutes later. SQLite gathers no statistics by itself.
            cursor.execute("VACUUM ANALYZE")


def _columns(model: type[Model], key: str, dialect: dict[str, Any]) -> tuple[str, str]:
    """Return the columns and their values; times that the template has follow the copy's id."""
    names, values = [], []
    for field in model._meta.concrete_fields:
        name = str(field.column)
        if name in {key, "id"}:
            continue
        copied = f"CASE WHEN t.{name} IS NULL THEN NULL ELSE {dialect['time']} END"
        if name == "feed_position":  # each of its own, as of the copy's time
            copied = "n.ms * 1000"
        names.append(name)
        values.append(copied if name in _COMPUTED else f"t.{name}")
    return ", ".join(names), ", ".join(values)
