"""What is in the trash: photos of all albums or of one, and albums. Pages and totals need a constant number of queries."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, Q, Sum
from django.utils.dateparse import parse_datetime

from albums import album_trash
from albums.models import Album, AlbumQuerySet, Photo, PhotoQuerySet
from albums.nesting import tree

PHOTOS_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Photos, the last deleted first. `next` names the next page; it is empty on the last."""

    photos: list[Photo]
    next: str


@dataclass(frozen=True, slots=True)
class Total:
    """What a permanent deletion would delete. `bytes` are those of originals and their companions."""

    albums: int
    photos: int
    bytes: int
    of_others: int
    """How many of the albums, or of the albums with photos in the trash, belong to other users."""


def photos(user: User, album: Album | None = None) -> PhotoQuerySet:
    """Photos in the trash, RAWs of pairs included. Not those of albums in the trash."""
    trashed = Photo.objects.trashed()
    return trashed.filter(album=album) if album else trashed.visible_to(user)


def emptiable_photos(user: User, album: Album | None = None) -> PhotoQuerySet:
    """Those of the photos that the user may delete permanently."""
    return photos(user, album).filter(album__in=Album.objects.visible_to(user).emptiable_by(user))


def albums(user: User) -> AlbumQuerySet:
    """Albums in the trash, without those that went there with the album that they are in."""
    return album_trash.leading(Album.objects.changeable_by(user).trashed())


def emptiable_albums(user: User) -> AlbumQuerySet:
    """Those of the albums in the trash that the user may delete permanently, and those inside them."""
    trashed = Album.objects.changeable_by(user).trashed()
    return trashed if user.has_perm(Album.DELETE_ALBUMS) else trashed.filter(owner=user)


def page(photos: PhotoQuerySet, after: str) -> Page:
    """Returns the page that begins after the photo that `after` names, as "<time>,<id>". An invalid name counts as none."""
    rows = photos.leading().order_by("-trashed_at", "-pk").select_related("album").prefetch_related("renditions")
    time, _, pk = after.partition(",")
    if (start := _time(time)) and pk.isascii() and pk.isdigit() and len(pk) < 19:
        # The first condition is redundant: with it, the database reads the index from there on.
        rows = rows.filter(Q(trashed_at__lt=start) | Q(trashed_at=start, pk__lt=int(pk)), trashed_at__lte=start)
    shown_and_next = list(rows[: PHOTOS_A_PAGE + 1])
    shown = shown_and_next[:PHOTOS_A_PAGE]
    last = shown[-1] if len(shown_and_next) > PHOTOS_A_PAGE else None
    return Page(shown, f"{last.trashed_at.isoformat()},{last.pk}" if last and last.trashed_at else "")


def total_of_photos(photos: PhotoQuerySet, user: User) -> Total:
    count = photos.aggregate(leading=Count("pk", filter=Q(shown_as=None)), bytes=Sum("original_bytes", default=0))
    companions = photos.aggregate(bytes=Sum("companions__bytes", default=0))["bytes"]
    of_others = photos.exclude(album__owner=user).values("album").distinct().count()
    return Total(0, count["leading"], count["bytes"] + companions, of_others)


def total_of_albums(albums: AlbumQuerySet, user: User) -> Total:
    inside = Photo.objects.filter(album__in=albums.order_by().values("pk"))
    photos = total_of_photos(inside, user)
    other_owners = albums.exclude(owner=user).count()
    return Total(albums.count(), photos.photos, photos.bytes, other_owners)


def total_of_album(album: Album, user: User) -> Total:
    """The album, and the albums that would be deleted with it: all inside it or, in the trash, those that went there with it."""
    ids = tree.with_descendants([album.pk])
    return total_of_albums(Album.objects.filter(pk__in=ids, trashed_at=album.trashed_at), user)


def confirmed_at(value: str, now: datetime) -> datetime:
    """Returns the time of the confirmation page, which a form sends back: what was moved to the trash later stays there."""
    return min(_time(value) or now, now)


def _time(value: str) -> datetime | None:
    """Returns an aware time; None for anything else."""
    try:
        time = parse_datetime(value.replace(" ", "+"))
    except ValueError:
        return None
    return time if time and time.tzinfo else None
