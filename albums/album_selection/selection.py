"""The albums that a request means: those of the fields `album`, or with `all=1` all of a list without those in `except`.

`filter_q`, `filter_show` and `filter_inside` say which list, like the parameters of its page.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict

from albums import album_list
from albums.access import note
from albums.models import Album
from albums.selection import SelectionError

MAX_ALBUMS = 1000
"""Ids that a request may name."""
MAX_ALL = 20_000
"""The largest number of albums in one action. Their ids are parameters of a statement; SQLite allows 32,766."""
MAX_ID_DIGITS = 18
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class AlbumSelection:
    ids: tuple[int, ...]
    """The selected albums; with `is_all`, those that are not selected."""
    is_all: bool = False
    text: str = ""
    shown: str = ""
    inside: int | None = None

    @classmethod
    def parse(cls, fields: QueryDict) -> AlbumSelection:
        """Raises SelectionError."""
        if fields.get("all") != "1":
            ids = _ids(fields.getlist("album"))
            if not ids:
                raise SelectionError("nothing-selected", "Select at least one album first.")
            return cls(ids)
        inside = _ids([fields.get("filter_inside", "")])
        text = fields.get("filter_q", "").replace("\0", "")[:MAX_TEXT]
        excluded = _ids(fields.get("except", "").split(","))
        return cls(excluded, True, text, fields.get("filter_show", ""), inside[0] if inside else None)

    def fields(self) -> list[tuple[str, str]]:
        """The fields from which `parse` makes this selection, for another form."""
        if not self.is_all:
            return [("album", str(pk)) for pk in self.ids]
        pairs = [
            ("all", "1"),
            ("except", ",".join(map(str, self.ids))),
            ("filter_q", self.text),
            ("filter_show", self.shown),
            ("filter_inside", str(self.inside or "")),
        ]
        return [(name, value) for name, value in pairs if value]

    def albums(self, user: AbstractBaseUser | AnonymousUser) -> QuerySet[Album]:
        """Those of the albums that the user may change and that are not in the trash."""
        if not self.is_all:
            return Album.objects.visible_to(user).filter(pk__in=self.ids)
        listed = album_list.matching(user, self.text, show=self.shown, inside=self.inside)
        return listed.exclude(pk__in=self.ids)


def selected(request: HttpRequest) -> list[Album]:
    """Returns those of the albums that the user may change and that are not in the trash, sorted by title.

    Raises SelectionError if the request names none or too many, and Http404 if none of them exists for the user.
    """
    selection = AlbumSelection.parse(request.POST)
    albums = list(selection.albums(request.user).order_by("title", "pk")[: MAX_ALL + 1])
    if len(albums) > MAX_ALL:
        raise SelectionError("selection-too-large", f"You can change at most {MAX_ALL:,} albums at once.")
    if not albums:
        raise Http404
    for album in albums:
        note(request, album)
    return albums


def _ids(values: list[str]) -> tuple[int, ...]:
    """Returns the ids without repetitions. Raises SelectionError."""
    ids = [value for value in values if value]
    if len(ids) > MAX_ALBUMS:
        message = f"You can select {MAX_ALBUMS:,} albums one by one. For more, select all and remove some."
        raise SelectionError("selection-too-large", message)
    if not all(value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS for value in ids):
        raise SelectionError("selection-invalid", "The selection has an id that is not a number.")
    return tuple(dict.fromkeys(map(int, ids)))
