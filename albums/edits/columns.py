"""Writes columns of many photos and undoes that, in a number of statements that does not depend on the number of photos.

Only the given columns are written, so that edits of other columns at the same time are not lost. The rows must be locked.
"""

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from albums.edits import sorting
from albums.models import Album, Photo, PhotoQuerySet

Values = dict[str, Any]
Inverse = list[dict[str, Any]]
"""Groups of photos with the same values: `{"photos": [ids], "before": {...}, "after": {...}}`, in JSON.

With `positions`, in the order of the photos, if an order of albums depends on the columns."""

MAX_UPDATES = 4
"""Statements for one column with few different values. With more values, one statement names each photo's value."""
TIMES = ("edited_taken_at",)


def write(values: dict[int, Values]) -> None:
    """Writes the values of each photo, by its id."""
    if len({_key(columns) for columns in values.values()}) == 1:
        Photo.objects.filter(pk__in=values).update(**next(iter(values.values())))
        return
    photos_by_value: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for pk, columns in values.items():
        for column, value in columns.items():
            photos_by_value[column][_key(value)].append(pk)
    for column, groups in photos_by_value.items():
        _write_column(column, groups, values)


def inverse(photos: list[Photo], values: dict[int, Values]) -> Inverse:
    """Returns how to undo the values for these photos, which have not been written to the objects."""
    groups: dict[str, dict[str, Any]] = {}
    for photo in photos:
        after = values[photo.pk]
        before = {column: getattr(photo, column) for column in after}
        group: dict[str, Any] = {"photos": [], "before": _to_json(before), "after": _to_json(after)}
        group = groups.setdefault(_key([before, after]), group)
        group["photos"].append(photo.pk)
        if sorting.depends_on(after):
            group.setdefault("positions", []).append(photo.position)
    return list(groups.values())


def restore(user: User, inverse: Inverse) -> int:
    """Writes the values before. Returns how many photos have changed since or may not be changed by the user any more."""
    ids = [pk for group in inverse for pk in group["photos"]]
    sorting.lock(Photo.objects.filter(pk__in=ids), {column for group in inverse for column in group["after"]})
    photos = lock(user, ids)
    values = {
        pk: _from_json(group["before"])
        for group in inverse
        for pk in group["photos"]
        if pk in photos
        and all(getattr(photos[pk], column) == value for column, value in _from_json(group["after"]).items())
    }
    if values:
        write(values)
        former = {
            pk: place
            for group in inverse
            for pk, place in zip(group["photos"], group.get("positions", []), strict=False)
        }
        changed = {column for columns in values.values() for column in columns}
        sorting.place([photos[pk] for pk in values], changed, former)
    return len(ids) - len(values)


def lock(user: User, ids: list[int]) -> dict[int, Photo]:
    """Returns the photos that the user may change, locked, by id. Photos in the trash of an album are among them."""
    photos: PhotoQuerySet = Photo.objects.filter(pk__in=ids, album__in=Album.objects.visible_to(user))
    return {photo.pk: photo for photo in photos.order_by("pk").select_for_update(of=("self",))}


def _write_column(column: str, groups: dict[str, list[int]], values: dict[int, Values]) -> None:
    # bulk_update() writes None to a JSON column as the JSON null, which is not the same as no value.
    nulls = groups.pop(_key(None), [])
    if nulls:
        Photo.objects.filter(pk__in=nulls).update(**{column: None})
    if len(groups) <= MAX_UPDATES:
        for ids in groups.values():
            Photo.objects.filter(pk__in=ids).update(**{column: values[ids[0]][column]})
        return
    changed = [Photo(pk=pk, **{column: values[pk][column]}) for ids in groups.values() for pk in ids]
    Photo.objects.bulk_update(changed, [column])


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=datetime.isoformat)


def _to_json(columns: Values) -> Values:
    return {column: value.isoformat() if isinstance(value, datetime) else value for column, value in columns.items()}


def _from_json(columns: Values) -> Values:
    return {
        column: datetime.fromisoformat(value) if column in TIMES and value else value
        for column, value in columns.items()
    }
