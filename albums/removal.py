"""Deletes photos and albums, and keeps storage and database consistent.

The rows are deleted first, in the transaction that records their keys as leftovers. The bytes are deleted after the commit. The
next sweep completes an interrupted deletion.
"""

import logging
import time
from collections.abc import Iterator
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import Signal

from albums import key_columns
from albums.models import Album, Leftover, Photo

log = logging.getLogger(__name__)

BATCH_SIZE = 200
"""Photos deleted per transaction: SQLite has one writer, so a transaction must be short."""
SMALL_BATCH_SIZE = 20
"""Photos deleted per transaction when there is a time limit: a bucket may take a quarter of a second for the files of one."""
REQUEST_SECONDS = 10
"""The time limit for deletions within a request; proxies give up after 60 s. The sweep deletes the remaining photos."""

emptied = Signal()
"""Sent with `album` after its photos are deleted and before its row is. Receivers delete their own rows of it, in chunks."""


def delete_album(album: Album) -> None:
    """Deletes an album with all its photos. Can be repeated after an interruption."""
    delete_photos(album.photos.all())
    emptied.send(sender=Album, album=album)
    with transaction.atomic():
        album.delete()


def delete_photos(photos: QuerySet[Photo], until: float | None = None) -> int:
    """Deletes photos permanently, in chunks; only those that still match when their chunk begins. Returns how many.

    `until`: a time of time.monotonic() after which no chunk but the first begins. The next call deletes the remaining photos.
    """
    count = 0
    while chunk := _delete_chunk(photos, BATCH_SIZE if until is None else SMALL_BATCH_SIZE):
        count += chunk
        if is_over(until):
            break
    return count


def clear(leftovers: QuerySet[Leftover], until: float | None = None) -> int:
    """Deletes the bytes of the leftovers, then their rows. Returns how many.

    A row stays if its bytes cannot be deleted now. `until`: as in delete_photos.
    """
    count = 0
    for leftover in _in_pages(leftovers):
        if discard(leftover.key):
            count += leftover.delete()[0]
        if is_over(until):
            break
    return count


def discard(key: str) -> bool:
    """Deletes the bytes of the key. On an error, logs it and returns False."""
    try:
        default_storage.delete(key)
    except OSError:
        log.exception("Can't delete %s; the sweep will retry", key)
        return False
    return True


def clear_after_commit(keys: list[str]) -> None:
    """Records the keys as leftovers in this transaction, and deletes their bytes after the commit."""
    Leftover.note(keys)
    transaction.on_commit(lambda: clear(Leftover.objects.filter(key__in=keys, hold=None)), robust=True)


def connect() -> None:
    """Connects the signal handlers that every deletion (by pages, admin, cascade or shell) triggers."""
    for model in {column.model for column in key_columns.published()}:
        pre_delete.connect(_note_keys, sender=model, dispatch_uid=f"albums.removal.{model._meta.model_name}")


def end_of_request() -> float:
    """Returns `until` for deletions within a request that begins now."""
    return time.monotonic() + REQUEST_SECONDS


def is_over(until: float | None) -> bool:
    """True if time.monotonic() has reached `until`. None means no limit."""
    return until is not None and time.monotonic() >= until


def _in_pages(leftovers: QuerySet[Leftover]) -> Iterator[Leftover]:
    """Yields the leftovers page by page. The deletion of a large album leaves hundreds of thousands."""
    last = 0
    while page := list(leftovers.filter(pk__gt=last).order_by("pk")[:BATCH_SIZE]):
        last = page[-1].pk  # read now: the caller may delete the row, which clears its primary key
        yield from page
        if len(page) < BATCH_SIZE:
            return


def _delete_chunk(photos: QuerySet[Photo], limit: int) -> int:
    """Locks the rows, then deletes them. A photo that is being restored is either not in the chunk or deleted first."""
    with transaction.atomic():
        chunk = list(photos.select_for_update().values_list("pk", flat=True)[:limit])
        Photo.objects.filter(pk__in=chunk).delete()
    return len(chunk)


def _note_keys(sender: type[Model], instance: Model, **_: Any) -> None:
    clear_after_commit([getattr(instance, column.key) for column in key_columns.published() if column.model is sender])
