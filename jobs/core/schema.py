"""Whether the tables of the jobs are those that this code knows.

Two versions run side by side while one replaces the other, so a migration that is applied while a
process runs must not make it unready. One that was there when it started belongs to code that is
newer: then an old version was started by mistake, after a rollback for instance.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from .times import aware

APP: Final = "jobs"
STARTED: Final = datetime.now(UTC)
"""When this process loaded the app (of a server that forks: its parent)."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What sets the tables apart from this code, as names of migrations, sorted.

    Attributes:
        missing: this code has them, and they are not applied.
        unknown: they were applied before this process started, and this code has none of them.
    """

    missing: list[str]
    unknown: list[str]


def schema_state(db: BaseDatabaseWrapper) -> SchemaState:
    """Compare the migrations that are applied with those of this code. One query.

    Raises:
        DatabaseError: as when the table of migrations is missing.
    """
    known = _known()
    if known is None:
        return SchemaState([], [])
    rows = MigrationRecorder(db).migration_qs.filter(app=APP).values_list("name", "applied")
    applied = dict(rows)
    replaced = {old for names in known.values() for old in names}
    return SchemaState(
        missing=sorted(
            name
            for name, old in known.items()
            if name not in applied and not (old and old <= applied.keys())
        ),
        unknown=sorted(
            name
            for name, at in applied.items()
            if name not in known and name not in replaced and aware(at) <= STARTED
        ),
    )


@cache
def _known() -> dict[str, frozenset[str]] | None:
    """This code's migrations, each with those that it replaces; None where there are none
    (``MIGRATION_MODULES``)."""
    name, _ = MigrationLoader.migrations_module(APP)
    if name is None:
        return None
    found = {}
    # Not a whole loader, which imports the migrations of every app.
    for module in pkgutil.iter_modules(import_module(name).__path__):
        if not module.ispkg and module.name[0] not in "_~":
            migration = import_module(f"{name}.{module.name}").Migration
            found[module.name] = frozenset(old for _, old in migration.replaces)
    return found
