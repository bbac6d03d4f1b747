"""The column by which the database sorts photos by name."""

from typing import Any

from django.db import models

from albums.columns.natural_sort import natural


class NameKeyField(models.BinaryField):  # type: ignore[type-arg]
    """The sort key of the row's `name`, computed whenever the row is saved or created in bulk."""

    def pre_save(self, model_instance: Any, add: bool) -> bytes:
        key = natural(model_instance.name)
        setattr(model_instance, self.attname, key)
        return key
