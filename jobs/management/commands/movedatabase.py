"""``manage.py movedatabase``: all rows of the site's database into another."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections, router

from jobs.core.database_url import without_password
from jobs.core.db import DATABASE_ERRORS
from jobs.core.formatting import pluralize
from jobs.core.storage import is_configured
from jobs.management.database_command import DatabaseCommand
from jobs.management.move import copying, source, verify
from jobs.management.move.aliases import SOURCE, both, read_target
from jobs.management.move.state import Position
from jobs.management.move.tables import Table, tables_of, unknown_tables
from jobs.management.move.target import Target
from jobs.models import Consumer

REPORT_SECONDS = 5.0


class Command(DatabaseCommand):
    """Move a database; a move that was interrupted goes on when the command is started again."""

    help = (
        "Copy all rows of all installed apps into an empty database (SQLite or PostgreSQL). "
        "Stop the site and the consumers first."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "target", help="the new database: a URL, or an alias of DATABASES", metavar="URL"
        )
        parser.add_argument(
            "--database", default=DEFAULT_DB_ALIAS, help="the alias of the old database"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="say how many rows each table has, change nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, copy, compare."""
        alias: str = options["database"]
        if alias not in connections.settings:
            raise CommandError(f"No such database: {alias!r}. Known: {', '.join(connections)}.")
        new = read_target(options["target"])
        _require_two(connections.settings[alias], new)
        if router.db_for_write(Consumer) == alias and _has_table(alias):
            source.require_no_consumers(alias)
        tables = tables_of(alias)
        with both(alias, new), source.locked(tables) as old:
            for name in unknown_tables(old, tables):
                self.stdout.write(f"not moved, because no model describes it: {name}")
            target = Target(alias, tables)
            begun = target.require_usable()
            if options["dry_run"]:
                self._count(tables)
                return
            source.require_consistent(old, tables)
            try:
                self._move(tables, target, begun=begun)
            except DATABASE_ERRORS as error:
                raise CommandError(
                    f"The move was interrupted: {error} Start the command again: it goes on."
                ) from error
        self._say_what_is_next(options["target"], alias)

    def _count(self, tables: list[Table]) -> None:
        total = 0
        for table in tables:
            rows = table.rows(SOURCE).count()
            total += rows
            self.stdout.write(f"{rows:>12,}  {table.name}")
        self.stdout.write(f"{total:>12,}  rows in all. Nothing was changed.")

    def _move(self, tables: list[Table], target: Target, *, begun: bool) -> None:
        began = time.monotonic()
        if begun:
            self.stdout.write("A move to this database has begun: it goes on.")
        target.prepare()
        copying.restart_changed(tables, target, self.stdout.write)
        # It has no effect inside a transaction, and PostgreSQL's were dropped.
        target.db.disable_constraint_checking()
        for table in tables:
            position = copying.copy_table(table, target, self._progress())
            self.stdout.write(f"{position.rows:>12,}  {table.name}")
        total = verify.require_equal(tables, target.db.alias)
        target.finish()
        seconds = time.monotonic() - began
        self.stdout.write(
            f"Moved {pluralize(total, 'row')} of {len(tables)} tables in {seconds:.0f} s "
            f"({total / max(seconds, 0.001):,.0f} a second). Each table has as many rows as before."
        )

    def _progress(self) -> copying.Progress:
        """Say how far a table is, every few seconds."""
        began = said = time.monotonic()
        first: int | None = None

        def progress(table: Table, position: Position) -> None:
            nonlocal said, first
            first = position.rows if first is None else first
            now = time.monotonic()
            if now - said >= REPORT_SECONDS:
                said = now
                rate = (position.rows - first) / (now - began)
                self.stdout.write(
                    f"{position.rows:>12,}  {table.name} so far ({rate:,.0f} a second)"
                )
                self.stdout.flush()

        return progress

    def _say_what_is_next(self, given: str, alias: str) -> None:
        is_alias = given in connections.settings
        setting = (
            f'let DATABASES["{alias}"] be what "{given}" is'
            if is_alias
            else f"set DATABASE_URL={without_password(given)}"
        )
        if not is_configured():
            self.stdout.write("Uploads and artifacts are files: they stay in the data folder.")
        self.stdout.write(
            f"Now {setting}, then start the site and the consumers. Do not start them with the old "
            "database again: what it accepts is not in the new one."
        )


def _require_two(old: dict[str, Any], new: dict[str, Any]) -> None:
    keys = ("ENGINE", "NAME", "HOST", "PORT")
    if [str(old[key]) for key in keys] == [str(new[key]) for key in keys]:
        raise CommandError("The new database is the old one.")


def _has_table(alias: str) -> bool:
    return Consumer._meta.db_table in connections[alias].introspection.table_names()
