"""Taking photos and albums away without storage and database ever falling out of step.

Rows go first, in the transaction that notes their keys as leftovers; bytes go after the commit. Whatever is cut off in between
is done by the next sweep.
"""

import logging
import time
from collections.abc import Iterator
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import Signal

from albums.models import Album, Companion, Leftover, Photo, Rendition

log = logging.getLogger(__name__)

CHUNK = 200
"""Photos removed in one transaction: SQLite has one writer, and nobody should wait long for it."""
FEW = 20
"""The same of who has little time: a bucket may take a quarter of a second for the files of one."""
REQUEST_SECONDS = 10
"""For deleting within a request; proxies give up after 60 s. The sweep deletes what is left."""

emptied = Signal()
"""Sent with `album` after its photos are deleted and before its row is. Receivers delete their own rows of it, in portions."""


def delete_album(album: Album) -> None:
    """Delete an album with all its photos. Safe to repeat when it was cut off."""
    delete_photos(album.photos.all())
    emptied.send(sender=Album, album=album)
    with transaction.atomic():
        album.delete()


def delete_photos(photos: QuerySet[Photo], until: float | None = None) -> int:
    """Delete permanently, a chunk at a time, the photos that still match when their chunk begins. Returns how many.

    `until`: no chunk but the first begins after that moment of time.monotonic(). The rest is there for the next call.
    """
    count = 0
    while chunk := _delete_chunk(photos, CHUNK if until is None else FEW):
        count += chunk
        if is_over(until):
            break
    return count


def clear(leftovers: QuerySet[Leftover], until: float | None = None) -> int:
    """Delete the bytes, then the rows that remembered them. What cannot be deleted now stays remembered, and what is left at
    `until`, as with delete_photos. Answers how many.
    """
    count = 0
    for leftover in _in_pages(leftovers):
        if discard(leftover.key):
            count += leftover.delete()[0]
        if is_over(until):
            break
    return count


def discard(key: str) -> bool:
    """Delete the bytes. False, and told in the log, when that cannot be done now."""
    try:
        default_storage.delete(key)
    except OSError:
        log.exception("Could not delete %s; the sweep will try again", key)
        return False
    return True


def clear_after_commit(keys: list[str]) -> None:
    """Note the keys as leftovers in this transaction; delete their bytes when it has been committed."""
    Leftover.note(keys)
    transaction.on_commit(lambda: clear(Leftover.objects.filter(key__in=keys, hold=None)), robust=True)


def connect() -> None:
    """Every way to delete a photo (pages, admin, cascade, shell) passes here."""
    pre_delete.connect(_note_keys, sender=Photo, dispatch_uid="albums.removal.photo")
    pre_delete.connect(_note_key, sender=Rendition, dispatch_uid="albums.removal.rendition")
    pre_delete.connect(_note_key, sender=Companion, dispatch_uid="albums.removal.companion")


def end_of_request() -> float:
    """`until`, for deleting within a request that begins now."""
    return time.monotonic() + REQUEST_SECONDS


def is_over(until: float | None) -> bool:
    """Has time.monotonic() come to it? None never ends."""
    return until is not None and time.monotonic() >= until


def _in_pages(leftovers: QuerySet[Leftover]) -> Iterator[Leftover]:
    """There may be hundreds of thousands, as after the end of a large album."""
    last = 0
    while page := list(leftovers.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = page[-1].pk  # who gets it may delete it, and with it its key
        yield from page
        if len(page) < CHUNK:
            return


def _delete_chunk(photos: QuerySet[Photo], most: int) -> int:
    """The rows are locked first: one that is put back at this moment is either not in the chunk, or gone before it can be."""
    with transaction.atomic():
        chunk = list(photos.select_for_update().values_list("pk", flat=True)[:most])
        Photo.objects.filter(pk__in=chunk).delete()
    return len(chunk)


def _note_keys(instance: Photo, **_: Any) -> None:
    clear_after_commit([instance.original_key])


def _note_key(instance: Rendition | Companion, **_: Any) -> None:
    clear_after_commit([instance.key])
