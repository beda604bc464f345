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
        self._change(schema_editor, schema_editor.add_index, to_state, app_label)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        """Remove it."""
        self._change(schema_editor, schema_editor.remove_index, from_state, app_label)

    def _change(
        self, schema_editor: BaseDatabaseSchemaEditor, how: Any, state: Any, app_label: str
    ) -> None:
        model = state.apps.get_model(app_label, self.model_name)
        db = schema_editor.connection
        if self.allow_migrate_model(db.alias, model):
            online = {"concurrently": True} if db.vendor == "postgresql" else {}
            how(model, self.index, **online)
