"""The trash of an album: a photo stays there for TRASH_DAYS with all its files, and can be restored until it is deleted.

Photos that are shown as one are moved and restored together. The only writer of Photo.trashed_at. albums.removal deletes
permanently.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from albums import removal
from albums.models import Album, Photo, PhotoQuerySet

RESTORE_BATCH = 1000
"""Photos restored per transaction: SQLite has one writer, so a transaction must be short."""


def move_to_trash(photo: Photo) -> bool:
    """Moves the photo to its album's trash. If there is none (TRASH_DAYS is 0), deletes it permanently and returns False."""
    if not settings.TRASH_DAYS:
        removal.delete_photos(Photo.objects.together(photo))
        return False
    now = timezone.now()
    if Photo.objects.together(photo).filter(trashed_at=None).update(trashed_at=now):
        photo.trashed_at = now
    return True


def move_all_to_trash(ids: Collection[int], now: datetime) -> None:
    """Moves the shown photos with these ids, and the RAWs of their pairs, to the trashes of their albums."""
    Photo.objects.filter(Q(pk__in=ids) | Q(shown_as__in=ids), trashed_at=None).update(trashed_at=now)


def restore_selected(photos: PhotoQuerySet, trashed_at: datetime) -> int:
    """Restores the shown photos among these that were moved to the trash at exactly that time. Returns how many."""
    ids = list(
        photos.leading().filter(trashed_at=trashed_at).select_for_update(of=("self",)).values_list("pk", flat=True)
    )
    Photo.objects.trashed().filter(Q(pk__in=ids) | Q(shown_as__in=ids)).update(trashed_at=None)
    return len(ids)


def restore(photo: Photo) -> bool:
    """Restores the photo to its place in the album. False when it is not in the trash or was deleted."""
    if not Photo.objects.trashed().together(photo).update(trashed_at=None):
        return False
    photo.trashed_at = None
    return True


def restore_all(album: Album) -> int:
    """Restores all photos in the album's trash. Returns how many; a pair counts as one."""
    return restore_photos(album.photos.trashed())


def restore_photos(photos: PhotoQuerySet, until: float | None = None) -> int:
    """Restores photos in the trash, in chunks, until that time of time.monotonic(). Returns how many; a pair counts as one."""
    count = 0
    while ids := list(photos.leading().order_by("pk").values_list("pk", flat=True)[:RESTORE_BATCH]):
        with transaction.atomic():
            Photo.objects.filter(shown_as__in=ids).update(trashed_at=None)
            count += Photo.objects.filter(pk__in=ids, trashed_at__isnull=False).update(trashed_at=None)
        if removal.is_over(until):
            break
    return count


def remove(photo: Photo) -> bool:
    """Deletes a photo in the trash permanently. False when it is not in the trash or was already deleted."""
    return bool(removal.delete_photos(Photo.objects.trashed().together(photo)))


def empty(album: Album, until: float | None = None) -> int:
    """Deletes all photos in the album's trash permanently, as empty_photos()."""
    return empty_photos(album.photos.trashed(), until)


def empty_photos(photos: PhotoQuerySet, until: float | None = None) -> int:
    """Deletes photos in the trash permanently. Returns how many.

    `until`: see removal.delete_photos. All photos are marked as expired first, so that the next purge deletes the remaining ones
    even if this process is killed.
    """
    expired_at = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    photos.filter(trashed_at__gt=expired_at).update(trashed_at=expired_at)
    return removal.delete_photos(photos.leading(), until)


def purge(now: datetime, until: float | None = None) -> int:
    """Deletes photos permanently that have been in the trash for TRASH_DAYS. Returns how many.

    `until`: see removal.delete_photos.
    """
    expired = Photo.objects.filter(trashed_at__lte=now - timedelta(days=settings.TRASH_DAYS))
    return removal.delete_photos(expired.leading(), until)
