"""The action that edits the metadata of photos: `params` are `{"changes": Changes}` (overrides.py)."""

from typing import Any

from django.contrib.auth.models import User

from albums import operations
from albums.edits import columns, overrides, sorting
from albums.edits.overrides import Changes
from albums.models import Operation, Photo
from albums.operations import Action, Result
from albums.selection import Selection


def edit(user: User, selection: Selection, changes: Changes) -> Operation | None:
    """Applies the changes. Returns None, and keeps no operation, if they change no photo. Raises SelectionError."""
    if not changes:
        return None
    operation = operations.start(user, Edit.kind, {"changes": changes}, selection)
    if operation.state == Operation.State.DONE and not operation.done:
        operation.delete()
        return None
    return operation


class Edit(Action):
    kind = "edit"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        changes: Changes = operation.params["changes"]
        values = {photo.pk: overrides.changed_columns(photo, changes) for photo in photos}
        changed = [photo for photo in photos if values[photo.pk]]
        if not changed:
            return Result(None, 0, len(photos))
        values = {photo.pk: values[photo.pk] for photo in changed}
        inverse = columns.inverse(changed, values)
        columns.write(values)
        sorting.place(changed, {column for columns_of_photo in values.values() for column in columns_of_photo})
        return Result(inverse, len(changed), len(photos) - len(changed))

    def undo(self, operation: Operation, inverse: Any) -> int:
        assert isinstance(operation.user, User)
        return columns.restore(operation.user, inverse)

    def summary(self, operation: Operation) -> str:
        changes: Changes = operation.params["changes"]
        edited_fields = _listed([overrides.LABELS[field] for field in overrides.LABELS if field in changes])
        if len(changes) == len(overrides.LABELS) and all(change.get("reset") for change in changes.values()):
            edited_fields = "all edits"
        is_reset = all(change.get("reset") for change in changes.values())
        verb = ("removed" if edited_fields == "all edits" else "reset") if is_reset else "changed"
        whose = "" if operation.total == 1 else f" of {operation.done:,} photo{'' if operation.done == 1 else 's'}"
        return f"{edited_fields.capitalize()}{whose} {verb}."


def _listed(names: list[str]) -> str:
    """Returns `title`, `title and caption` or `title, caption and date`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
