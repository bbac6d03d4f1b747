"""Puts photos into another album: their rows, and the rows that repeat an album's id."""

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from albums.models import Album, AlbumQuerySet, Companion, Operation, PerceptualHash, Photo
from albums.moving.signals import placed
from albums.moving.stacks import photos_by_album

PUT = "UPDATE albums_photo SET album_id = %s, position = %s WHERE id = %s"
"""Building the statement of Django's bulk_update took three quarters of the time of a move."""


def lock(album_ids: Iterable[int]) -> dict[int, Album]:
    """Locks the albums until the transaction ends, as workers do that publish photos. Returns those that exist, by id."""
    albums = Album.objects.filter(pk__in=set(album_ids)).order_by("pk")
    return {album.pk: album for album in albums.select_for_update(no_key=True)}


def is_open_to(album: Album | None, user: User) -> bool:
    """True if the user may add photos to the album."""
    return album is not None and not album.trashed_at and album.is_changeable_by(user)


def target_to_empty(operation: Operation) -> AlbumQuerySet:
    """The album that photos were moved or copied to, if the user may take them away from there."""
    return Album.objects.visible_to(operation.user).emptiable_by(operation.user).filter(pk=operation.params["album"])


def put(photos: Collection[Photo]) -> None:
    """Saves the photos' albums and positions, with the albums of their companions and perceptual hashes."""
    with connection.cursor() as cursor:
        cursor.executemany(PUT, [(photo.album_id, photo.position, photo.pk) for photo in photos])
    for album_id, group in photos_by_album(photos).items():
        ids = [photo.pk for photo in group]
        Companion.objects.filter(photo__in=ids).update(album=album_id)
        PerceptualHash.objects.filter(photo__in=ids).update(album=album_id)
        placed.send(sender=Photo, album=album_id, photo_ids=ids)


def release_covers(photo_ids: Collection[int]) -> list[list[int]]:
    """Removes the photos as covers of the albums that they leave. Returns pairs of album and photo."""
    albums = Album.objects.filter(cover__in=photo_ids)
    covers = [list(pair) for pair in albums.values_list("pk", "cover_id")]
    if covers:
        albums.update(cover=None)
    return covers


def restore_covers(covers: Iterable[Any], returned: Collection[int]) -> None:
    """Makes the photos covers again, of albums that have no other cover meanwhile."""
    for album_id, photo_id in covers:
        if photo_id in returned:
            Album.objects.filter(pk=album_id, cover=None).update(cover=photo_id)
