"""Moves photos and companions between the disk and the bucket while the site is in use.

Each file is copied to a new key, read back and hashed. Then all keys of a photo change in one transaction, so its rows name
complete files at any moment. The old files become leftovers, and remain for one more lease for requests that are reading them.

Keys are always new: when a photo moves to the bucket and back, its previous keys may still have Leftover rows.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from albums import holds, key_columns
from albums.models import Album, Companion, Leftover, Photo
from processing.integrity import file_check
from processing.integrity.file_check import ExpectedFile, StoredItem
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.lib.iteration import one_by_one
from processing.storage import keys as storage_keys
from processing.storage import storage_errors, store


class ItemChanged(Exception):
    """The rows or the copies changed during the move: the photo was deleted, rendered again, or moved by another process."""


class SourceDamaged(Exception):
    """The source file is lost or damaged and has to be repaired first. The argument is its key."""


class NoSpace(Exception):
    """The move would leave less than MIN_FREE_SPACE on the disk."""


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Photos and companions with files outside the target location."""

    photos: QuerySet[Photo]
    companions: QuerySet[Companion]

    def __iter__(self) -> Iterator[StoredItem]:
        yield from one_by_one(self.photos.prefetch_related("renditions"))
        yield from one_by_one(self.companions)


def misplaced(place: str, album: Album | None = None) -> Misplaced:
    photos = Photo.objects.filter(_has_files_outside(place, Photo))
    companions = Companion.objects.filter(_has_files_outside(place, Companion))
    if album is not None:
        photos, companions = photos.filter(album=album), companions.filter(album=album)
    return Misplaced(photos, companions)


def move(item: StoredItem, place: str) -> int:
    """Moves all files of a photo or companion, and returns their bytes.

    Raises ItemChanged, SourceDamaged, NoSpace, or an OSError of the storage; then nothing has changed.
    """
    files = [file for file in file_check.files(item) if storage_keys.location(file.key) != place]
    _check_free_space(place, files)
    claim = uuid.uuid4()
    new_keys = {file.key: storage_keys.relocated(file.key, place, claim) for file in files}
    Leftover.note(list(new_keys.values()), hold=claim)
    with holds.renewed(claim):
        for file in files:
            _copy(file, new_keys[file.key])
            failpoints.reach(Point.MOVING)
        _publish(item, new_keys, claim)
    failpoints.reach(Point.MOVED)
    return sum(file.size for file in files)


def _has_files_outside(place: str, model: type[StoredItem]) -> Q:
    conditions = Q(pk__in=[])
    for column in key_columns.of_items(model):
        is_outside = column.is_needed & _not_in(column.key, place)
        conditions |= Q(pk__in=column.rows().filter(is_outside).values(column.item)) if column.item else is_outside
    return conditions


def _not_in(column: str, place: str) -> Q:
    in_bucket = Q(**{f"{column}__startswith": storage_keys.BUCKET})
    return ~in_bucket if place == storage_keys.BUCKET else in_bucket


def _check_free_space(place: str, files: list[ExpectedFile]) -> None:
    free = store().free_bytes() if place == storage_keys.DISK else None
    if free is not None and free - sum(file.size for file in files) < settings.MIN_FREE_BYTES:
        raise NoSpace


def _copy(file: ExpectedFile, key: str) -> None:
    """Copies the file and reads the copy back, even if the store has verified it already. Raises SourceDamaged."""
    try:
        store().copy_or_link(file.key, key)
        if file_check.matches(key, file, lambda _: None):
            return
    except OSError as error:
        if not storage_errors.is_damage(error):
            raise
        raise SourceDamaged(file.key) from error
    raise SourceDamaged(file.key)


def _publish(item: StoredItem, new_keys: dict[str, str], claim: uuid.UUID) -> None:
    """Changes all keys in one transaction. Raises ItemChanged if the keys have changed or a sweep may have deleted the copies."""
    with transaction.atomic():
        row = type(item)._default_manager.select_for_update().filter(pk=item.pk).first()
        if row is None or not {file.key for file in file_check.files(row)} >= new_keys.keys():
            raise ItemChanged
        try:
            holds.ensure(claim)
            holds.release(claim, len(new_keys))
        except holds.HoldLost:
            raise ItemChanged from None
        for column in key_columns.of_items(type(item)):
            keys = column.of_item(item).values_list(column.key, flat=True)
            for key in new_keys.keys() & set(keys):
                column.holding([key]).update(**{column.key: new_keys[key]})
        # No live claim has this hold, so the sweep deletes the old files, but not before a lease has passed.
        Leftover.note(list(new_keys), hold=uuid.uuid4())
