"""A migration operation that adds an index to a table that may be large and in use.

`Add` must be the only operation of a migration with `atomic = False`. On PostgreSQL it uses CREATE INDEX CONCURRENTLY, which does
not block writes for minutes. After an interruption the migration can be run again.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex
from django.db.migrations.state import ProjectState


class Add(AddIndex):
    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(self.index.name)}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        options: dict[str, Any] = {"concurrently": True}
        schema_editor.add_index(model, self.index, **options)
