"""During an upgrade, two versions share one database: checks of the rules for migrations in docs/scaling.md."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models.fields import NOT_PROVIDED

from albums import indexes

BEFORE = {"albums": "0008", "processing": "0009", "config": "0002"}
"""The rules apply to migrations from these on. Before them, two versions never ran together."""
BREAKING = (migrations.RemoveField, migrations.DeleteModel, migrations.RenameField, migrations.RenameModel)


def recent() -> list[migrations.Migration]:
    loaded = MigrationLoader(None).disk_migrations
    return [migration for (app, name), migration in sorted(loaded.items()) if app in BEFORE and name[:4] >= BEFORE[app]]


def rule_violations(migration: migrations.Migration) -> Iterator[str]:
    new = {operation.name_lower for operation in migration.operations if isinstance(operation, migrations.CreateModel)}
    replaced = {
        operation.name for operation in migration.operations if isinstance(operation, migrations.RemoveConstraint)
    }
    for operation in migration.operations:
        is_old = getattr(operation, "model_name", "").lower() not in new
        if isinstance(operation, BREAKING):
            yield f"{operation.describe()}: the version before still reads it"
        elif isinstance(operation, migrations.AddField) and not may_be_left_out(operation.field):
            yield f"{operation.describe()}: the version before writes rows without it"
        elif isinstance(operation, migrations.AddConstraint) and operation.constraint.name in replaced:
            if not is_wider(migration, operation):
                yield f"{operation.describe()}: the version before may break it"
        elif isinstance(operation, migrations.AddConstraint) and is_old:
            yield f"{operation.describe()}: the version before may break it, and the table stands still meanwhile"
        elif isinstance(operation, indexes.Add):
            if migration.atomic or not all(isinstance(sibling, indexes.Add) for sibling in migration.operations):
                yield f"{operation.describe()}: not in a migration of its own with atomic = False"
        elif isinstance(operation, migrations.AddIndex) and is_old:
            yield f"{operation.describe()}: the table stands still meanwhile; albums.indexes.Add makes it beside the work"


def is_wider(migration: migrations.Migration, operation: migrations.AddConstraint) -> bool:
    """Whether a new list of values (`field IN (…)`) has all those of the constraint that it replaces."""
    states = MigrationLoader(None).project_state((migration.app_label, migration.name), at_end=False)
    before = states.models[migration.app_label, operation.model_name_lower].options["constraints"]
    new: Any = operation.constraint
    [old] = [constraint for constraint in before if constraint.name == new.name]
    [(old_field, old_values)], [(field, values)] = old.condition.children, new.condition.children
    return bool(old_field == field and field.endswith("__in") and set(values) > set(old_values))


def may_be_left_out(field: "models.Field[Any, Any]") -> bool:
    return field.null or field.many_to_many or field.db_default is not NOT_PROVIDED


@pytest.mark.parametrize("migration", recent(), ids=str)
def test_recent_migrations_are_compatible_with_the_previous_version(migration):
    assert list(rule_violations(migration)) == []


@pytest.mark.parametrize(
    ("operation", "is_violation"),
    [
        (migrations.RemoveField("photo", "title"), True),
        (migrations.RenameField("photo", "title", "name"), True),
        (migrations.DeleteModel("Photo"), True),
        (migrations.AddField("photo", "stars", models.IntegerField(default=0)), True),
        (migrations.AddField("photo", "stars", models.IntegerField(db_default=0)), False),
        (migrations.AddField("photo", "stars", models.IntegerField(null=True)), False),
        (migrations.AddIndex("photo", models.Index(fields=["title"], name="title")), True),
        (indexes.Add("photo", models.Index(fields=["title"], name="title")), True),  # not in a transaction
        (migrations.AddConstraint("photo", models.UniqueConstraint(fields=["title"], name="title")), True),
    ],
)
def test_an_operation_that_breaks_the_previous_version_is_a_violation(operation, is_violation):
    migration = migrations.Migration("0100_other", "albums")
    migration.operations = [operation]

    assert bool(list(rule_violations(migration))) == is_violation


def test_an_index_may_be_added_concurrently():
    migration = migrations.Migration("0100_other", "albums")
    migration.atomic = False
    migration.operations = [indexes.Add("photo", models.Index(fields=["title"], name="title"))]

    assert list(rule_violations(migration)) == []
