"""How migrations add indexes to tables that may be large and in use.

`Add` goes into a migration with `atomic = False` that does nothing else: on PostgreSQL the index is made beside the work
(CREATE INDEX CONCURRENTLY) instead of stopping it for minutes. Whatever was cut off is done again.
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
        # One that was cut off is there, but not valid.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        beside: dict[str, Any] = {"concurrently": True}
        schema_editor.add_index(model, self.index, **beside)
