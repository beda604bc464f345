"""The new database: whether it may be filled, its empty tables, and what is done at the end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.color import no_style
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from jobs.core.database_file import path_of
from jobs.core.db import can_send_many
from jobs.core.private_files import create_private

from .state import MoveState
from .tables import Table, labels_of

FOREIGN_KEYS = """
SELECT c.conrelid::regclass::text, quote_ident(c.conname), pg_get_constraintdef(c.oid)
FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = ANY(%s::regclass[])
"""
MADE_BY_MIGRATE = {"django_migrations", "django_content_type", "auth_permission"}


class Target:
    """The new database under the alias of the old one."""

    def __init__(self, alias: str, tables: Sequence[Table]) -> None:
        self.db: BaseDatabaseWrapper = connections[alias]
        self.state = MoveState(self.db)
        self._tables = tables

    def require_usable(self) -> bool:
        """Check that the database is empty, or belongs to a move that has begun.

        Returns:
            Whether a move has begun.

        Raises:
            CommandError: it cannot be reached, has rows, or is of a kind that is not served.
        """
        try:
            if _is_to_be_made(self.db):
                return False
            self.db.ensure_connection()
            if self.db.vendor not in {"sqlite", "postgresql"}:
                raise CommandError("The new database must be SQLite or PostgreSQL.")
            if self.state.exists():
                return True
            self._require_text_of_all_languages()
            filled = self._filled()
        except DatabaseError as error:
            raise CommandError(f"The new database cannot be used: {error}") from error
        if filled:
            raise CommandError(
                f"The new database is not empty: {', '.join(filled)} have rows. Nothing was "
                "changed. Create an empty database and name that."
            )
        return False

    def _filled(self) -> list[str]:
        there = set(self.db.introspection.table_names())
        ours = [table for table in self._tables if table.name in there]
        return [
            table.name
            for table in ours
            if table.name not in MADE_BY_MIGRATE and table.rows(self.db.alias).exists()
        ]

    def _require_text_of_all_languages(self) -> None:
        if self.db.vendor != "postgresql":
            return
        if not can_send_many(self.db):
            raise CommandError("psycopg 3 is needed: install jobdesk[postgres].")
        with self.db.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            (encoding,) = cursor.fetchone()
        if encoding != "UTF8":
            raise CommandError(
                f"The new database is encoded in {encoding}. Create it with ENCODING 'UTF8'."
            )

    def prepare(self) -> None:
        """Make the tables, empty and without foreign keys, unless an earlier run has done it."""
        path = path_of(self.db)
        if path and not path.startswith("file:"):
            with suppress(OSError):  # SQLite says why
                create_private(Path(path))
        if not self.state.exists():
            self.state.create()
        if self.state.read("phase") == "copying":
            return
        self._migrate()
        with transaction.atomic(using=self.db.alias):
            # Rows arrive table by table, and may refer to later ones.
            if self.db.vendor == "postgresql":
                self._drop_foreign_keys()
            for table in self._tables:
                self.clear(table)  # migrations fill some
            self.state.write("phase", "copying")

    def _migrate(self) -> None:
        options = {"database": self.db.alias, "interactive": False, "verbosity": 0}
        labels = labels_of(self._tables)
        if {app.label for app in apps.get_app_configs() if list(app.get_models())} == set(labels):
            call_command("migrate", run_syncdb=True, **options)
            return
        # A router keeps some apps away, whose migrations may not work without their tables.
        with_migrations = MigrationLoader(None).migrated_apps
        for label in labels:
            call_command("migrate", label, run_syncdb=label not in with_migrations, **options)

    def clear(self, table: Table) -> None:
        """Delete all rows of a table."""
        with self.db.cursor() as cursor:
            cursor.execute(f"DELETE FROM {self.db.ops.quote_name(table.name)}")  # noqa: S608

    def finish(self) -> None:
        """Put foreign keys and sequences right; the move is over then.

        Raises:
            CommandError: a row refers to one that does not exist.
        """
        try:
            with transaction.atomic(using=self.db.alias), self.db.cursor() as cursor:
                for table, name, definition in self.state.read("foreign keys") or ():
                    cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
                if self.db.vendor == "sqlite":
                    self.db.check_constraints()
                models: Any = [table.model for table in self._tables]
                for statement in self.db.ops.sequence_reset_sql(no_style(), models):
                    cursor.execute(statement)
                self.state.drop()
        except DatabaseError as error:
            raise CommandError(f"A row refers to one that does not exist: {error}") from error
        if self.db.vendor == "postgresql":
            # The planner knows nothing yet of what the tables hold.
            with self.db.cursor() as cursor:
                cursor.execute("ANALYZE")

    def _drop_foreign_keys(self) -> None:
        quoted = [self.db.ops.quote_name(table.name) for table in self._tables]
        with self.db.cursor() as cursor:
            cursor.execute(FOREIGN_KEYS, [quoted])
            found = cursor.fetchall()
            for table, name, _ in found:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        self.state.write("foreign keys", found)


def _is_to_be_made(db: BaseDatabaseWrapper) -> bool:
    """Whether it is a file that connecting would make, which a dry run must not do."""
    file = Path(db.settings_dict["NAME"])
    return db.vendor == "sqlite" and file.parent.is_dir() and not file.exists()
