"""Identifies the violated unique constraint. PostgreSQL's error has its name, SQLite's error its columns."""

from django.db import IntegrityError
from django.db.models import Model, UniqueConstraint


def is_broken(error: IntegrityError, model: type[Model], name: str) -> bool:
    """True if the error is a violation of this unique constraint of the model."""
    violated_name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if violated_name is not None:
        return bool(violated_name == name)
    unique_constraints = [item for item in model._meta.constraints if isinstance(item, UniqueConstraint)]
    [fields] = [constraint.fields for constraint in unique_constraints if constraint.name == name]
    columns = {field.name: field.column for field in model._meta.concrete_fields}
    column_list = ", ".join(f"{model._meta.db_table}.{columns[field]}" for field in fields)
    return str(error) == f"UNIQUE constraint failed: {column_list}"
