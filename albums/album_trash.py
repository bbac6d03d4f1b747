"""Deleted albums: an album stays in the trash for TRASH_DAYS with all its photos, and can be restored until then.

The only writer of Album.trashed_at. Albums inside an album go to the trash with it, with the same time, and are restored with it;
those that were in the trash before stay there. Photos keep their rows and files. Only the trash shows the album. albums.removal
deletes permanently.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from albums import removal
from albums.models import Album, AlbumQuerySet, Photo
from albums.nesting import tree

UPLOADS_KEPT_SECONDS = 600
"""Uploads in progress are refused while their album is in the trash, and go on if it is restored within this time."""


def move_to_trash(album: Album) -> bool:
    """Moves the album and those inside it to the trash. If there is none (TRASH_DAYS is 0), deletes them and returns False."""
    if not settings.TRASH_DAYS:
        delete_now([album.pk])
        return False
    now = timezone.now()
    with transaction.atomic():
        if mark([album.pk], now):
            album.trashed_at = now
    return True


def mark(ids: Sequence[int], now: datetime) -> list[int]:
    """Moves the albums and those inside them to the trash, in the caller's transaction. Returns the ids of all moved."""
    _lock(Album.objects.filter(pk__in=ids))
    moved: list[int] = []
    for chunk in tree.chunks(tree.with_descendants(ids)):
        albums = Album.objects.filter(pk__in=chunk, trashed_at=None)
        moved += albums.order_by("pk").values_list("pk", flat=True)
        albums.update(trashed_at=now)
    return moved


def restore(album: Album) -> bool:
    """Restores the album as unmark(). False when it is not in the trash or was deleted."""
    with transaction.atomic():
        trashed = Album.objects.trashed().filter(pk=album.pk).first()
        if trashed is None or not trashed.trashed_at or not unmark([trashed.pk], trashed.trashed_at):
            return False
    album.trashed_at = None
    return True


def unmark(ids: Sequence[int], at: datetime) -> int:
    """Restores albums that went to the trash at this time, with all photos, in the caller's transaction. Returns how many.

    Restores the albums inside them that went there with them. An album in an album in the trash becomes a top-level album.
    """
    albums = Album.objects.filter(pk__in=ids, trashed_at=at)
    _lock(albums)
    restored = list(albums.values_list("pk", flat=True))
    for chunk in tree.chunks(tree.with_descendants(restored)):
        Album.objects.filter(pk__in=chunk, trashed_at=at).update(trashed_at=None)
    tree.detach(Album.objects.filter(pk__in=restored, parent__trashed_at__isnull=False))
    return len(restored)


def restore_all(albums: QuerySet[Album], until: float | None = None) -> int:
    """Restores the albums in the trash, one transaction each, until that time of time.monotonic(). Returns how many."""
    count = 0
    for album in albums.order_by(Length("path"), "pk"):
        count += restore(album)
        if removal.is_over(until):
            break
    return count


def leading(albums: AlbumQuerySet) -> AlbumQuerySet:
    """Those of the albums in the trash that did not go there with the album that they are in."""
    return albums.exclude(parent__trashed_at=F("trashed_at"))


def group(album: Album) -> QuerySet[Album]:
    """An album in the trash, and the albums that went there with it."""
    return Album.objects.filter(pk__in=tree.with_descendants([album.pk]), trashed_at=album.trashed_at)


def delete_now(ids: Sequence[int], until: float | None = None) -> bool:
    """Deletes albums permanently, with all photos and all albums inside them, the innermost first. Can be repeated.

    They are in the trash meanwhile, so that no photo is moved or uploaded to them and deleted, too. If this process is killed,
    or at `until` (of time.monotonic()), the next purge deletes the rest. Returns False if there is a rest.
    """
    with transaction.atomic():
        mark(ids, timezone.now() - timedelta(days=settings.TRASH_DAYS))
    for level in reversed(tree.levels(ids)):
        for album in Album.objects.filter(pk__in=level):
            if removal.is_over(until):
                return False
            removal.delete_album(album)
    return True


def remove(album: Album, until: float | None = None) -> bool:
    """Deletes an album in the trash permanently, with those that went there with it.

    False when it was not in the trash, or was not completely deleted by `until` (see removal.delete_photos).
    """
    trashed = Album.objects.trashed().filter(pk=album.pk).first()
    if trashed is None:
        return False
    ids = list(group(trashed).values_list("pk", flat=True))
    empty(Album.objects.trashed().filter(pk__in=ids), until)
    return not Album.objects.filter(pk=album.pk).exists()


def empty(albums: QuerySet[Album], until: float | None = None) -> int:
    """Deletes albums in the trash permanently. Returns how many were completely deleted by `until`.

    All are marked as expired first, so that the next purge deletes the rest even if this process is killed.
    """
    expired_at = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    albums.filter(trashed_at__gt=expired_at).update(trashed_at=expired_at)
    return _delete(albums, expired_at, until)


def purge(now: datetime, until: float | None = None) -> int:
    """Deletes albums permanently that have been in the trash for TRASH_DAYS, the oldest first. Returns how many.

    `until`: see removal.delete_photos; the next purge continues. An album that is restored meanwhile keeps its remaining photos.
    """
    return _delete(Album.objects.all(), now - timedelta(days=settings.TRASH_DAYS), until)


def _delete(albums: QuerySet[Album], before: datetime, until: float | None) -> int:
    """Deletes those that were moved to the trash before that time; of albums inside each other the innermost first."""
    count = 0
    for album in albums.filter(trashed_at__lte=before).order_by("trashed_at", Length("path").desc(), "pk"):
        photos = _photos(album, before)
        removal.delete_photos(photos, until)
        if photos.exists():
            break
        count += _delete_empty(album)
        if removal.is_over(until):
            break
    return count


def _photos(album: Album, before: datetime) -> QuerySet[Photo]:
    """The album's photos, if the album was moved to the trash before that time.

    The query joins the album, so that locking the photos also locks its row: it cannot be restored while they are deleted.
    """
    return Photo.objects.filter(album=album, album__trashed_at__lte=before)


def _delete_empty(album: Album) -> bool:
    """Locks the album's row, then deletes it. An album that is being restored is either kept or deleted first.

    Albums inside it that went to the trash at another time become top-level albums, and stay in the trash.
    """
    if not Album.objects.trashed().filter(pk=album.pk).exists():
        return False
    removal.emptied.send(sender=Album, album=album)
    with transaction.atomic():
        tree.lock([album.owner_id])
        locked = Album.objects.select_for_update().trashed().filter(pk=album.pk).first()
        if locked is None:
            return False
        tree.detach(Album.objects.filter(parent=locked))
        return bool(locked.delete())


def _lock(albums: QuerySet[Album]) -> None:
    tree.lock(albums.order_by().values_list("owner_id", flat=True).distinct())
