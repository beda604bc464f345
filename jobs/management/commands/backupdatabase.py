"""``manage.py backupdatabase FILE``: a copy of the SQLite database while it is written to."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connections

from jobs.core.db import connection
from jobs.core.formatting import filesize
from jobs.core.private_files import create_private
from jobs.management.database_command import DatabaseCommand


class Command(DatabaseCommand):
    """Copy the database that the jobs are in to a file."""

    help = "Copy the SQLite database to a file, while the site and the consumers run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path, help="where the copy is written; must not exist")
        parser.add_argument("--database", default=None, help="its alias; default: that of the jobs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Copy, check the copy, and give it its name only then."""
        alias = options["database"] or connection().alias
        if alias not in connections.settings:
            raise CommandError(f"No such database: {alias!r}. Known: {', '.join(connections)}.")
        db = connections[alias]
        if db.vendor != "sqlite":
            raise CommandError(
                "This copies SQLite databases only. For PostgreSQL use pg_dump or pg_basebackup "
                "(jobs/docs/database.md)."
            )
        file: Path = options["file"]
        if file.exists():
            raise CommandError(f"{file} exists already. Name a new file.")
        unfinished = file.with_name(f"{file.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        try:
            # It reads one snapshot, and in WAL mode keeps no writer waiting. (SQLite's backup API
            # begins again whenever another process has written, so under load it never ends.)
            with suppress(OSError):  # SQLite says why
                create_private(unfinished)
            with db.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(unfinished)])
            _check(unfinished)
            _flush(unfinished)
            unfinished.rename(file)  # unlike replace(), it overwrites nothing on Windows
        except (DatabaseError, sqlite3.Error, OSError) as error:
            unfinished.unlink(missing_ok=True)
            raise CommandError(f"No copy was made: {error}") from error
        self.stdout.write(f"Copied to {file} ({filesize(file.stat().st_size)}).")


def _check(file: Path) -> None:
    with closing(sqlite3.connect(file)) as copy:
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _flush(file: Path) -> None:
    # SQLite does not wait until the disk has what VACUUM INTO has written.
    with file.open("r+b") as written:
        os.fsync(written.fileno())
