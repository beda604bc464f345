"""The doctor's checks of a deployment: settings, database, data folder, broker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.migrations.executor import MigrationExecutor

from jobs import brokers
from jobs.brokers.base import Broker
from jobs.brokers.funboost import installed
from jobs.brokers.wakeup.listener import TIMED_SECONDS
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.formatting import filesize, pluralize
from jobs.core.pooler import is_behind_pooler
from jobs.core.private_files import exposed_files
from jobs.core.storage import ALIAS, is_configured, job_storage
from jobs.errors import BrokerError
from jobs.queries.stats import configured_queues, living_consumers
from jobs.queries.storage_health import check_round_trip

from .findings import Finding, Grade, StopChecks, note, ok, problem

MIN_FREE_BYTES: Final = 200_000_000
UNREADABLE_SETTINGS: Final = "jobs.E010"


def settings_and_declarations(now: datetime) -> Iterator[Finding]:
    """What ``manage.py check`` reports about Jobdesk.

    Raises:
        StopChecks: the settings cannot be read.
    """
    messages = checks.run_checks(tags=["jobs", "jobs_pages"])
    for message in messages:
        grade = Grade.PROBLEM if message.level >= checks.ERROR else Grade.NOTE
        text = f"{message.msg} ({message.id})"
        yield Finding(grade, text, str(message.id), str(message.hint or ""))
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
        text = f"{pluralize(len(plan), 'migration')} not applied."
        yield problem(text, "migrations_missing", "Run: python manage.py migrate")
    unknown = [
        name
        for app, name in executor.loader.applied_migrations
        if app == "jobs" and (app, name) not in executor.loader.disk_migrations
    ]
    if unknown:
        names = ", ".join(sorted(unknown))
        yield problem(f"The database is newer than this code: it has {names}.", "database_newer")
    if plan or unknown:
        raise StopChecks
    with transaction.atomic(using=db.alias), db.cursor() as cursor:
        # On SQLite this takes and releases the write lock: reading alone would not show that
        # another process holds it.
        cursor.execute("SELECT 1")
    yield ok(f"The database answers ({db.display_name}) and has every table.")
    if is_behind_pooler(db):
        yield note(
            "A pooler (such as pgbouncer) is before PostgreSQL. If it lends a connection for one "
            f"transaction, idle consumers notice a new job within {TIMED_SECONDS:g} s instead of "
            "milliseconds; let consumers connect to PostgreSQL itself if that matters.",
            "database_pooler",
        )


def data_folder(now: datetime) -> Iterator[Finding]:
    """Check that files can be written, and how much space is free."""
    folder = get_conf().data_dir
    error = _write_error(folder)
    if error is not None:
        text = f"The data folder {folder} cannot be written: {error.strerror or error}."
        yield problem(text, "data_folder_unwritable")
        return
    free = shutil.disk_usage(folder).free
    text = f"The data folder {folder} can be written, {filesize(free)} are free."
    if free >= MIN_FREE_BYTES:
        yield ok(text)
    else:
        yield problem(f"{text} That is little.", "data_folder_full")


def private_files(now: datetime) -> Iterator[Finding]:
    """Check that other users of this machine cannot read the database and the files."""
    found = exposed_files()
    if found:
        names = ", ".join(map(str, found))
        hint = "Take the right from them: chmod o-rwx, for each or for their folder."
        text = f"Every user of this machine can read {names}."
        yield note(text, "files_readable_by_others", hint)


def _write_error(folder: Path) -> OSError | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error


def storage(now: datetime) -> Iterator[Finding]:
    """Store a file, read it and delete it; check that each machine finds what another stores."""
    if not is_configured():
        yield from _unshared_storage(sorted({one.host for one in living_consumers(now)}))
        if _write_error(get_conf().data_dir) is not None:
            return  # files lie there, and its own check has said so
    kind = type(job_storage()).__name__
    try:
        check_round_trip(job_storage())
    except Exception as error:  # noqa: BLE001  (each storage raises exceptions of its own)
        reason = f"{type(error).__name__}: {error}"
        yield problem(f"The storage of files ({kind}) cannot be used: {reason}", "storage_unusable")
    else:
        yield ok(f"The storage of files ({kind}) can be written and read.")


def _unshared_storage(hosts: list[str]) -> Iterator[Finding]:
    if len(hosts) > 1:
        yield problem(
            f"Consumers run on {len(hosts)} machines ({', '.join(hosts)}), but each keeps files in "
            "a data folder of its own, where the others do not find them.",
            "storage_unshared",
            f'Set STORAGES["{ALIAS}"] (the site of this repository: JOBS_STORAGE_URL).',
        )


def broker(now: datetime) -> Iterator[Finding]:
    """Check the broker, as it reports itself."""
    try:
        found = brokers.get_broker()
        problems = found.check()
    except BrokerError:
        return  # reported among the settings
    for text in problems:
        yield problem(text, "broker_unusable")
    if not problems:
        pending = _pending_messages(found) if found.takes_messages else ""
        yield ok(f"The broker {found.name} works.{pending}")


def threads(now: datetime) -> Iterator[Finding]:
    """Say what consumers run on. A funboost that does not fit is among the settings."""
    if installed.is_installed():
        yield ok("Consumers run on funboost.")
    else:
        text = "Consumers run on plain threads, because funboost is not installed. To use it:"
        yield ok(f"{text} {installed.install_command()}")


def _pending_messages(found: Broker) -> str:
    # A job of another program is nowhere else until it is recorded.
    depths = {queue: found.depth(queue) for queue in sorted(configured_queues())}
    counts = [f"{number:,} in {queue}" for queue, number in depths.items() if number]
    return f" Messages that no consumer has acknowledged: {', '.join(counts) or 'none'}."
