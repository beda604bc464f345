"""What a migration may do while consumers of the version before it run.

``tests/unit/test_migrations.py`` holds every migration after the first to it.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex


class AddIndexOnline(AddIndex):
    """Add an index without keeping anyone from writing: ``CONCURRENTLY`` on PostgreSQL.

    SQLite knows no such thing, and takes a second for a million rows. The migration must say
    ``atomic = False``. (Django's own ``AddIndexConcurrently`` fails on SQLite.)
    """

    atomic = False

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        """Add it."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._change(schema_editor, "add_index", model, self.index)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        """Remove it."""
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._change(schema_editor, "remove_index", model, self.index)

    def _change(
        self, schema_editor: BaseDatabaseSchemaEditor, how: str, model: Any, index: Any
    ) -> None:
        online = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
        getattr(schema_editor, how)(model, index, **online)
