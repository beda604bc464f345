"""The doctor's checks of a deployment: settings, database, data folder, broker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.migrations.executor import MigrationExecutor

from jobs import brokers
from jobs.brokers.base import Broker
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.formatting import filesize, pluralize
from jobs.errors import BrokerError
from jobs.queries.stats import configured_queues

from .findings import Finding, Grade, StopChecks, ok, problem

MIN_FREE_BYTES: Final = 200_000_000
UNREADABLE_SETTINGS: Final = "jobs.E010"


def settings_and_declarations(now: datetime) -> Iterator[Finding]:
    """What ``manage.py check`` reports about Jobdesk.

    Raises:
        StopChecks: the settings cannot be read.
    """
    messages = checks.run_checks(tags=["jobs", "jobs_pages"])
    for message in messages:
        hint = f" {message.hint}" if message.hint else ""
        grade = Grade.PROBLEM if message.level >= checks.ERROR else Grade.NOTE
        yield Finding(grade, f"{message.msg}{hint} ({message.id})")
    if any(message.id == UNREADABLE_SETTINGS for message in messages):
        raise StopChecks
    if not messages:
        yield ok("The settings and the declarations of tasks are sound.")


def database(now: datetime) -> Iterator[Finding]:
    """Check that the database answers, has our tables, and can be written.

    Raises:
        StopChecks: it does not fit this code.
        DatabaseError: it does not answer.
    """
    db = connection()
    executor = MigrationExecutor(db)
    # In a database of its own the project's other tables are missing on purpose.
    app = None if db.alias == DEFAULT_DB_ALIAS else "jobs"
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(app))
    if plan:
        yield problem(
            f"{pluralize(len(plan), 'migration')} not applied. Run: python manage.py migrate"
        )
    unknown = [
        name
        for app, name in executor.loader.applied_migrations
        if app == "jobs" and (app, name) not in executor.loader.disk_migrations
    ]
    if unknown:
        yield problem(f"The database is newer than this code: it has {', '.join(sorted(unknown))}.")
    if plan or unknown:
        raise StopChecks
    with transaction.atomic(using=db.alias), db.cursor() as cursor:
        # On SQLite this takes and releases the write lock: reading alone would not show that
        # another process holds it.
        cursor.execute("SELECT 1")
    yield ok(f"The database answers ({db.display_name}) and has every table.")


def data_folder(now: datetime) -> Iterator[Finding]:
    """Check that files can be written, and how much space is free."""
    folder = get_conf().data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        yield problem(f"The data folder {folder} cannot be written: {error.strerror or error}.")
        return
    text = f"The data folder {folder} can be written, {filesize(free)} are free."
    yield ok(text) if free >= MIN_FREE_BYTES else problem(f"{text} That is little.")


def broker(now: datetime) -> Iterator[Finding]:
    """Check the broker, as it reports itself."""
    try:
        found = brokers.get_broker()
        problems = found.check()
    except BrokerError:
        return  # reported among the settings
    for text in problems:
        yield problem(text)
    if not problems:
        pending = _pending_messages(found) if found.takes_messages else ""
        yield ok(f"The broker {found.name} works.{pending}")


def _pending_messages(found: Broker) -> str:
    # A job of another program is nowhere else until it is recorded.
    depths = {queue: found.depth(queue) for queue in sorted(configured_queues())}
    counts = [f"{number:,} in {queue}" for queue, number in depths.items() if number]
    return f" Messages that no consumer has acknowledged: {', '.join(counts) or 'none'}."
