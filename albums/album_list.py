"""The list of albums: its filter by title, its orders, and the dates of the photos that it shows."""

from datetime import date

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import F, OuterRef, QuerySet, Subquery, TextChoices
from django.db.models.expressions import Combinable, OrderBy
from django.db.models.functions import Lower
from django.utils.dateformat import format

from albums.columns.camera_time import camera_clock
from albums.columns.clock import TAKEN_AT
from albums.models import Album, Photo

EN_DASH = "\N{EN DASH}"


class AlbumOrder(TextChoices):
    RECENT = "recent", "Newest first"
    TITLE = "title", "Title"
    DATE = "date", "Date of photos"


class AlbumShow(TextChoices):
    CURRENT = "current", "Albums"
    ARCHIVED = "archived", "Archived"


def matching(
    user: AbstractBaseUser | AnonymousUser,
    text: str = "",
    order: str = AlbumOrder.RECENT,
    show: str = AlbumShow.CURRENT,
    inside: int | None = None,
) -> QuerySet[Album]:
    """Returns the user's albums, pinned albums first.

    Without a text: the archived ones, those directly inside the album with the id `inside`, or else the top-level albums. With a
    text: all whose title contains it, archived albums and albums inside others included.
    """
    albums = Album.objects.visible_to(user)
    if text:
        albums = albums.filter(title__icontains=text)
    elif show == AlbumShow.ARCHIVED:
        albums = albums.filter(archived_at__isnull=False)
    else:
        albums = albums.filter(archived_at=None, parent=inside)
    pinned = F("pinned_at").asc(nulls_last=True)
    if order == AlbumOrder.TITLE:
        return albums.order_by(pinned, Lower("title"), "pk")
    if order == AlbumOrder.DATE:
        latest = F("latest_at").desc(nulls_last=True)
        return albums.annotate(latest_at=_photo(TAKEN_AT.desc(), TAKEN_AT)).order_by(
            pinned, latest, "-created_at", "-pk"
        )
    return albums.order_by(pinned, "-created_at", "-pk")


def spans(albums: list[Album]) -> dict[int, str]:
    """Returns the days of each album's first and last photo, for albums with dated photos, in two queries."""
    ends = Album.objects.filter(pk__in=[album.pk for album in albums]).order_by()
    ids = ends.annotate(first=_photo(TAKEN_AT.asc(), F("pk")), last=_photo(TAKEN_AT.desc(), F("pk"))).exclude(
        first=None
    )
    rows = list(ids.values_list("pk", "first", "last"))
    times = ("taken_at", "taken_offset_minutes", "edited_taken_at", "edited_taken_offset_minutes")
    photos = Photo.objects.only(*times)
    photos_by_id = photos.in_bulk([photo for _, first, last in rows for photo in (first, last)])
    return {
        album: span(_day(photos_by_id[first]), _day(photos_by_id[last]))
        for album, first, last in rows
        if {first, last} <= photos_by_id.keys()
    }


def span(first: date, last: date) -> str:
    """Formats a range of days as briefly as possible. Ranges over several years only have months."""
    if first == last:
        return format(last, "j M Y")
    if first.year != last.year:
        return f"{format(first, 'M Y')} {EN_DASH} {format(last, 'M Y')}"
    if first.month != last.month:
        return f"{format(first, 'j M')} {EN_DASH} {format(last, 'j M Y')}"
    return f"{first.day}{EN_DASH}{format(last, 'j M Y')}"


def _photo(order: OrderBy, value: Combinable) -> Subquery:
    """A value of the album's first dated photo in the order. The index photo_album_taken makes each a single look-up."""
    photos = Photo.objects.shown().filter(album=OuterRef("pk")).alias(moment=TAKEN_AT)
    return Subquery(photos.exclude(moment=None).order_by(order).values(value=value)[:1])


def _day(photo: Photo) -> date:
    clock = camera_clock(photo)
    assert clock is not None, "only photos with a time are read"
    return clock.date()
