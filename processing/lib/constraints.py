"""Which unique constraint a row would have broken. PostgreSQL tells its name, SQLite its columns."""

from django.db import IntegrityError
from django.db.models import Model, UniqueConstraint


def is_broken(error: IntegrityError, model: type[Model], name: str) -> bool:
    """Is it this unique constraint of the model that the database refused the row for?"""
    told = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if told is not None:
        return bool(told == name)
    [fields] = [it.fields for it in model._meta.constraints if isinstance(it, UniqueConstraint) and it.name == name]
    columns = {field.name: field.column for field in model._meta.concrete_fields}
    described = ", ".join(f"{model._meta.db_table}.{columns[field]}" for field in fields)
    return str(error) == f"UNIQUE constraint failed: {described}"
