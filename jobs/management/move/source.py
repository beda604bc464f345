"""The old database: whether it can be moved, and the lock that keeps it as it is meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from jobs.conf import get_conf
from jobs.models import Consumer

from . import aliases
from .aliases import SOURCE
from .tables import Table, labels_of

IN_USE = (
    "Something else uses the old database. Stop the site, the consumers and whatever else has it "
    "open, then start the command again."
)


def require_no_consumers(alias: str) -> None:
    """Check that no consumer is alive, by watching whether a heartbeat is counted.

    One that was killed has left its row, which says nothing; its jobs run again afterwards.

    Raises:
        CommandError: a consumer is alive.
    """
    before = _heartbeats(alias)
    # A consumer counts ten heartbeats within a lease.
    deadline = time.monotonic() + 0.15 * get_conf().lease_seconds + 1
    while before and time.monotonic() < deadline:
        time.sleep(0.1)
        now = _heartbeats(alias)
        alive = [name for name, count in now.items() if before.get(name) != count]
        if alive:
            raise CommandError(
                f"Consumers still run: {', '.join(sorted(alive))}. Stop them and the site first: "
                "what is accepted during the move would be lost."
            )
        before = now


def _heartbeats(alias: str) -> dict[str, int]:
    # Only these columns: the database may be older than this code, which is said later.
    rows = Consumer.objects.using(alias).filter(dead_at=None)
    return {
        f"{host}:{pid}": count for host, pid, count in rows.values_list("host", "pid", "heartbeat")
    }


@contextmanager
def locked(tables: Sequence[Table]) -> Iterator[BaseDatabaseWrapper]:
    """Hold the old database as it is: nobody else can write to it inside this block.

    Raises:
        CommandError: somebody else uses it, or it cannot be moved.
    """
    db = connections[SOURCE]
    try:
        db.ensure_connection()
        _require_all_tables(db, tables)
        with transaction.atomic(using=SOURCE):
            if db.vendor == "postgresql":
                _lock_tables(db, tables)
            yield db
    except OperationalError as error:
        if db.vendor == "sqlite" and "locked" in str(error):
            raise CommandError(IN_USE) from error
        raise


def _lock_tables(db: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    names = ", ".join(db.ops.quote_name(table.name) for table in tables)
    try:
        with db.cursor() as cursor:
            limit = f"{aliases.LOCK_SECONDS * 1000:.0f}"
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [limit])
            cursor.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
    except OperationalError as error:
        raise CommandError(IN_USE) from error


def _require_all_tables(db: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    there = set(db.introspection.table_names())
    missing = [table.name for table in tables if table.name not in there]
    executor = MigrationExecutor(db)
    leaves = [key for key in executor.loader.graph.leaf_nodes() if key[0] in labels_of(tables)]
    waiting = [str(migration) for migration, _ in executor.migration_plan(leaves)]
    if missing or waiting:
        what = [f"not applied: {one}" for one in waiting] + [f"no table {one}" for one in missing]
        raise CommandError(
            f"The old database is not migrated ({', '.join(what)}). Run `manage.py migrate` first."
        )


def require_consistent(db: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    """Check that rows refer to rows that exist, which SQLite does not enforce by itself.

    Raises:
        CommandError: a row does not, so that PostgreSQL would refuse it in the end.
    """
    if db.vendor != "sqlite":
        return
    try:
        db.check_constraints([table.name for table in tables])
    except (IntegrityError, DatabaseError) as error:
        raise CommandError(
            f"The old database contradicts itself: {error} Delete or correct that row first."
        ) from error
