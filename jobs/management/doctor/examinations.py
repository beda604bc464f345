"""What is wrong with a deployment, in words: settings, database, data folder, broker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from django.core import checks
from django.db import DatabaseError, transaction
from django.db.migrations.executor import MigrationExecutor

from jobs import brokers
from jobs.brokers.base import Broker
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.formatting import filesize, pluralize
from jobs.errors import BrokerError
from jobs.queries.stats import configured_queues

LEAST_SPACE: Final = 200_000_000
UNREADABLE: Final = "jobs.E010"


class Grade(Enum):
    """How bad a finding is; only a problem fails the command."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what was seen."""

    grade: Grade
    told: str


class NothingMore(Exception):
    """What was found makes it useless to look further."""


Examination = Callable[[datetime], Iterator[Finding]]


def ok(told: str) -> Finding:
    """Something that is as it should be."""
    return Finding(Grade.OK, told)


def note(told: str) -> Finding:
    """Something worth knowing."""
    return Finding(Grade.NOTE, told)


def problem(told: str) -> Finding:
    """Something that keeps jobs from running."""
    return Finding(Grade.PROBLEM, told)


def settings_and_declarations(now: datetime) -> Iterator[Finding]:
    """What ``manage.py check`` says of Jobdesk.

    Raises:
        NothingMore: the settings cannot be read.
    """
    messages = checks.run_checks(tags=["jobs"])
    for message in messages:
        hint = f" {message.hint}" if message.hint else ""
        grade = Grade.PROBLEM if message.level >= checks.ERROR else Grade.NOTE
        yield Finding(grade, f"{message.msg}{hint} ({message.id})")
    if any(message.id == UNREADABLE for message in messages):
        raise NothingMore
    if not messages:
        yield ok("The settings and the declarations of tasks are sound.")


def database(now: datetime) -> Iterator[Finding]:
    """Whether the database answers, has our tables, and can be written.

    Raises:
        NothingMore: it does not fit this code.
        DatabaseError: it does not answer.
    """
    db = connection()
    executor = MigrationExecutor(db)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
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
        raise NothingMore
    with transaction.atomic(using=db.alias), db.cursor() as cursor:
        # On SQLite this takes the write lock and lets go of it: a reader alone would not notice
        # that another process holds it.
        cursor.execute("SELECT 1")
    yield ok(f"The database answers ({db.display_name}) and has every table.")


def data_folder(now: datetime) -> Iterator[Finding]:
    """Whether files can be written, and how much room there is."""
    folder = get_conf().data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            room = shutil.disk_usage(folder).free
    except OSError as error:
        yield problem(f"The data folder {folder} cannot be written: {error.strerror or error}.")
        return
    told = f"The data folder {folder} can be written, {filesize(room)} are free."
    yield ok(told) if room >= LEAST_SPACE else problem(f"{told} That is little.")


def broker(now: datetime) -> Iterator[Finding]:
    """Whether the broker works, as it says itself."""
    try:
        found = brokers.get_broker()
        wrong = found.check()
    except BrokerError:
        return  # said among the settings
    for told in wrong:
        yield problem(told)
    if not wrong:
        yield ok(f"The broker {found.name} works.{_in_hand(found) if found.takes_messages else ''}")


def _in_hand(found: Broker) -> str:
    """What waits in it: a job of another program is nowhere else until it is recorded."""
    depths = {queue: found.depth(queue) for queue in sorted(configured_queues())}
    told = [f"{number:,} in {queue}" for queue, number in depths.items() if number]
    return f" Messages that no consumer has acknowledged: {', '.join(told) or 'none'}."


def findings(now: datetime, examinations: list[Examination]) -> Iterator[Finding]:
    """Look at everything, in order; a database that is away ends it."""
    for examine in examinations:
        try:
            yield from examine(now)
        except NothingMore:
            return
        except DatabaseError as error:
            yield problem(f"The database says: {error}")
            return
