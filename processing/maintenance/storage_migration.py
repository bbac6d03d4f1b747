"""Moves photos and companions between the disk and the bucket while people look at them.

Each file is copied under a fresh key, read back there and hashed; then all keys of a photo change in one transaction. So a row
names whole files at any moment. The old ones are leftovers from then on, and stay for a lease yet, for whoever is reading them.

Fresh keys, for the old ones may still be on somebody's list to delete when a photo moves there and back.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from albums.models import Album, Companion, Leftover, Photo, Rendition
from processing.integrity import file_check
from processing.integrity.file_check import Kept, Wanted
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.lib.iteration import one_by_one
from processing.storage import errors as storage_errors
from processing.storage import holds, store
from processing.storage import keys as storage_keys


class Stale(Exception):
    """Its rows or its copies changed meanwhile: it was deleted, rendered again, or moved by another."""


class Spoiled(Exception):
    """A file is lost or damaged where it lies; the argument is its key. It has to be repaired first."""


class NoRoom(Exception):
    """The disk would fall below MIN_FREE_SPACE."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What does not lie in the place yet."""

    photos: QuerySet[Photo]
    companions: QuerySet[Companion]

    def __iter__(self) -> Iterator[Kept]:
        yield from one_by_one(self.photos.prefetch_related("renditions"))
        yield from one_by_one(self.companions)


def elsewhere(place: str, album: Album | None = None) -> Elsewhere:
    there = Rendition.objects.filter(_not_in("key", place))
    photos = Photo.objects.filter(_not_in("original_key", place) | Q(pk__in=there.values("photo")))
    companions = Companion.objects.filter(_not_in("key", place))
    if album is not None:
        photos, companions = photos.filter(album=album), companions.filter(album=album)
    return Elsewhere(photos, companions)


def move(kept: Kept, place: str) -> int:
    """Bytes that were moved. Raises Stale, Spoiled, NoRoom, or an OSError of the storage; all is as it was then."""
    files = [wanted for wanted in file_check.of(kept) if storage_keys.of(wanted.key) != place]
    _check_room(place, files)
    claim = uuid.uuid4()
    fresh = {wanted.key: _fresh(wanted.key, place, claim) for wanted in files}
    Leftover.note(list(fresh.values()), hold=claim)
    with holds.held(claim):
        for wanted in files:
            _copy(wanted, fresh[wanted.key])
            failpoints.reach(Point.MOVING)
        _publish(kept, fresh, claim)
    failpoints.reach(Point.MOVED)
    return sum(wanted.size for wanted in files)


def _not_in(column: str, place: str) -> Q:
    in_bucket = Q(**{f"{column}__startswith": storage_keys.BUCKET})
    return ~in_bucket if place == storage_keys.BUCKET else in_bucket


def _fresh(key: str, place: str, claim: uuid.UUID) -> str:
    """As publishing makes them: originals/ab/<claim>.jpg, renditions/ab/<claim>/800.webp."""
    room, _, *rest = PurePosixPath(storage_keys.bare(key)).parts
    tail = f"/{rest[1]}" if len(rest) > 1 else PurePosixPath(rest[0]).suffix
    return f"{place}{room}/{claim.hex[:2]}/{claim.hex}{tail}"


def _check_room(place: str, files: list[Wanted]) -> None:
    free = store().free_bytes() if place == storage_keys.DISK else None
    if free is not None and free - sum(wanted.size for wanted in files) < settings.MIN_FREE_BYTES:
        raise NoRoom


def _copy(wanted: Wanted, key: str) -> None:
    """Read back from where it lies now, whatever the store says of its own checks."""
    try:
        store().keep(wanted.key, key)
        if file_check.is_good_at(key, wanted, lambda _: None):
            return
    except OSError as error:
        if not storage_errors.is_damage(error):
            raise
        raise Spoiled(wanted.key) from error
    raise Spoiled(wanted.key)


def _publish(kept: Kept, fresh: dict[str, str], claim: uuid.UUID) -> None:
    """All keys at once, if they are still those that were copied, and no sweep can have taken the copies."""
    with transaction.atomic():
        row = type(kept)._default_manager.select_for_update().filter(pk=kept.pk).first()
        if row is None or not {wanted.key for wanted in file_check.of(row)} >= fresh.keys():
            raise Stale
        try:
            holds.ensure(claim)
            holds.release(claim, len(fresh))
        except holds.Lost:
            raise Stale from None
        if isinstance(kept, Photo):
            Photo.objects.filter(pk=kept.pk, original_key__in=fresh).update(
                original_key=fresh.get(kept.original_key, kept.original_key)
            )
            for rendition in Rendition.objects.filter(photo=kept.pk, key__in=fresh):
                Rendition.objects.filter(pk=rendition.pk).update(key=fresh[rendition.key])
        else:
            Companion.objects.filter(pk=kept.pk).update(key=fresh[kept.key])
        # Held by nobody that lives, so the sweep takes them, but not before a lease is over.
        Leftover.note(list(fresh), hold=uuid.uuid4())
