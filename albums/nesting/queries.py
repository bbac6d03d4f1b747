"""What pages show of the tree: the albums that an album is inside of, those inside it, and those that it can be moved into."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import F, QuerySet
from django.db.models.functions import Lower

from albums import shelf
from albums.models import Album
from albums.nesting import tree
from albums.shelf import Card

MAX_CARDS = 24
"""Albums shown above the photos; a link leads to a list of all."""
MAX_TARGETS = 50


@dataclass(frozen=True, slots=True)
class Inside:
    """The first albums inside an album, and how many there are."""

    cards: list[Card]
    total: int


@dataclass(frozen=True, slots=True)
class Target:
    """An album that others can be moved into, with the titles of the albums that it is inside of, as "Travel / Italy"."""

    album: Album
    path: str


def ancestors(albums: Iterable[Album]) -> dict[int, list[Album]]:
    """Returns the albums that each album is inside of, the top-level album first, in one query."""
    ids = {album.pk: tree.ancestor_ids(album) for album in albums}
    albums_by_id = Album.objects.filter(trashed_at=None).in_bulk({pk for path in ids.values() for pk in path})
    return {album: [albums_by_id[pk] for pk in path if pk in albums_by_id] for album, path in ids.items()}


def albums_inside(album: Album) -> QuerySet[Album]:
    """The albums directly inside the album that are shown, in the order of the list."""
    albums = Album.objects.filter(parent=album, trashed_at=None, archived_at=None)
    return albums.order_by(F("pinned_at").asc(nulls_last=True), Lower("title"), "pk")


def inside(album: Album) -> Inside:
    """Returns the cards of the first MAX_CARDS albums inside the album, in a constant number of queries."""
    albums = albums_inside(album)
    first = list(albums[: MAX_CARDS + 1])
    if len(first) <= MAX_CARDS:
        return Inside(shelf.cards_in_order(first), len(first))
    return Inside(shelf.cards_in_order(first[:MAX_CARDS]), albums.count())


def targets(user: AbstractBaseUser | AnonymousUser, albums: list[Album], text: str) -> list[Target]:
    """Returns up to MAX_TARGETS albums whose title contains the text and that these can be moved into, sorted by title."""
    candidates = Album.objects.visible_to(user).filter(owner__in={album.owner_id for album in albums})
    if any(album.owner_id is None for album in albums):
        candidates = Album.objects.visible_to(user).filter(owner=None)
    candidates = candidates.exclude(pk__in=tree.with_descendants(album.pk for album in albums))
    rows = list(candidates.filter(title__icontains=text).order_by(Lower("title"), "pk")[:MAX_TARGETS])
    paths = ancestors(rows)
    return [Target(row, " / ".join(album.title for album in paths[row.pk])) for row in rows]
