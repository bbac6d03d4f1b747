"""The albums that photos can be moved or copied to."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, Value, When
from django.forms import CharField, Form

from albums import shelf
from albums.models import Album, Operation
from albums.shelf import Card

MAX_TARGETS = 30
MAX_RECENT = 5
PLACING = ("move", "copy")


class NewAlbumForm(Form):
    title = CharField(max_length=200, error_messages={"required": "Enter a title for the new album."})


@dataclass(frozen=True, slots=True)
class Target:
    card: Card
    parents: str
    """Titles of the albums that contain it, from the top: "Travel / 2024". Empty for an album at the top."""
    is_recent: bool


def matching(user: User, text: str = "", without: int | None = None) -> list[Target]:
    """Returns at most MAX_TARGETS albums whose title contains the text: those used last, then the newest. Queries: at most five.

    `without`: the album that the photos are in.
    """
    recent = _recent(user)
    rank = Case(
        *(When(pk=pk, then=Value(index)) for index, pk in enumerate(recent)),
        default=Value(MAX_RECENT),
        output_field=IntegerField(),
    )
    albums = Album.objects.visible_to(user).exclude(pk=without or 0).filter(title__icontains=text)
    ordered = list(albums.order_by(rank, "-created_at", "-pk").select_related("owner")[:MAX_TARGETS])
    cards = {card.album.pk: card for card in shelf.cards(Album.objects.filter(pk__in=[row.pk for row in ordered]))}
    titles = _titles(ordered)
    return [
        Target(cards[album.pk], " / ".join(titles[pk] for pk in _parents(album) if pk in titles), album.pk in recent)
        for album in ordered
        if album.pk in cards
    ]


def _recent(user: User) -> list[int]:
    """Returns the albums that the user moved or copied photos to in the last day, the last one first."""
    params = Operation.objects.filter(user=user, kind__in=PLACING).order_by("-pk").values_list("params", flat=True)
    return list(dict.fromkeys(values["album"] for values in params[:50]))[:MAX_RECENT]


def _titles(albums: Sequence[Album]) -> dict[int, str]:
    parents = {pk for album in albums for pk in _parents(album)}
    return dict(Album.objects.filter(pk__in=parents).values_list("pk", "title")) if parents else {}


def _parents(album: Album) -> list[int]:
    """The ids in the album's path before its own."""
    return [int(part) for part in album.path.split("/") if part and int(part) != album.pk]
