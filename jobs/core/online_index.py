"""A migration operation that adds an index while consumers of the previous version run.

``tests/unit/test_migrations.py`` checks that migrations use only operations that allow this.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex


class AddIndexOnline(AddIndex):
    """Add an index without blocking writes: ``CONCURRENTLY`` on PostgreSQL.

    SQLite has no equivalent; there it takes a second for a million rows. The migration must set
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
        self._change(schema_editor, schema_editor.add_index, to_state, app_label)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        self._change(schema_editor, schema_editor.remove_index, from_state, app_label)

    def _change(
        self, schema_editor: BaseDatabaseSchemaEditor, change: Any, state: Any, app_label: str
    ) -> None:
        model = state.apps.get_model(app_label, self.model_name)
        db = schema_editor.connection
        if self.allow_migrate_model(db.alias, model):
            options = {"concurrently": True} if db.vendor == "postgresql" else {}
            change(model, self.index, **options)
