"""The albums that photos can be moved or copied to."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, Value, When
from django.forms import CharField, Form

from albums import shelf
from albums.models import Album, Operation
from albums.nesting import queries as nesting
from albums.shelf import Card

MAX_TARGETS = 30
MAX_RECENT = 5
MAX_TEXT = 200
"""Characters that are searched for: SQLite rejects patterns of 50 kB."""
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
    text = text.replace("\0", "")[:MAX_TEXT]
    recent = _recent(user)
    rank = Case(
        *(When(pk=pk, then=Value(index)) for index, pk in enumerate(recent)),
        default=Value(MAX_RECENT),
        output_field=IntegerField(),
    )
    albums = Album.objects.visible_to(user).exclude(pk=without or 0).filter(title__icontains=text)
    ordered = list(albums.order_by(rank, "-created_at", "-pk").select_related("owner")[:MAX_TARGETS])
    ancestors = nesting.ancestors(ordered)
    return [
        Target(card, " / ".join(parent.title for parent in ancestors[card.album.pk]), card.album.pk in recent)
        for card in shelf.cards_in_order(ordered)
    ]


def _recent(user: User) -> list[int]:
    """Returns the albums that the user moved or copied photos to in the last day, the last one first."""
    params = Operation.objects.filter(user=user, kind__in=PLACING).order_by("-pk").values_list("params", flat=True)
    return list(dict.fromkeys(values["album"] for values in params[:50]))[:MAX_RECENT]
