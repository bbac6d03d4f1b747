"""A selection of photos: its form fields, its JSON and its queryset.

Fields: `photo` (repeated) or `ids` (comma-separated) name photos. `all=1` with `album` or `q` means all photos of the album or of
the search result, without those in `except`. So the request for all photos of an album is as short as that for one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import QueryDict

from albums.models import Photo, PhotoQuerySet
from albums.search.query import MAX_LENGTH
from albums.search.results import search

MAX_IDS = 5_000
"""Ids that a request may name. A larger selection is sent as "all but these"."""
MAX_ID = 2**63 - 1


class SelectionError(ValueError):
    """The request names no valid selection. Results in a response with 422, the message and the code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Selection:
    ids: tuple[int, ...] = ()
    """The selected photos; with `is_all`, those that are not selected."""
    is_all: bool = False
    album_id: int | None = None
    query: str = ""
    """The search whose results are selected."""

    @classmethod
    def parse(cls, fields: QueryDict) -> Selection:
        """Returns the selection that the fields of a form or query string describe. Raises SelectionError."""
        is_all = fields.get("all") == "1"
        album, query = fields.get("album", "").lstrip("0"), fields.get("q", "").replace("\0", " ")[:MAX_LENGTH]
        if not is_all:
            ids = _ids([*fields.getlist("photo"), *fields.get("ids", "").split(",")])
            if not ids:
                raise SelectionError("nothing-selected", "Select at least one photo first.")
            return cls(ids, album_id=_id(album) if album else None, query=query)
        if not album and not query:
            raise SelectionError("selection-invalid", "The selection has neither an album nor a search.")
        excluded = _ids(fields.get("except", "").split(","))
        return cls(excluded, is_all=True, album_id=_id(album) if album else None, query=query)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Selection:
        return cls(**data | {"ids": tuple(data["ids"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"ids": list(self.ids)}

    def fields(self) -> list[tuple[str, str]]:
        """The fields from which `parse` makes this selection, for another form or a query string."""
        ids = ",".join(map(str, self.ids))
        pairs = [
            ("all", "1" if self.is_all else ""),
            ("except" if self.is_all else "ids", ids),
            ("album", str(self.album_id or "")),
            ("q", self.query),
        ]
        return [(name, value) for name, value in pairs if value]

    def photos(self, user: AbstractBaseUser | AnonymousUser) -> PhotoQuerySet:
        """The selected photos that pages show and the user may change. A RAW shown with a JPEG is not among them."""
        photos = Photo.objects.visible_to(user).shown()
        if not self.is_all:
            return photos.filter(pk__in=self.ids)
        if self.query:
            photos = search(user, self.query, self.album_id).photos
        elif self.album_id:
            photos = photos.filter(album_id=self.album_id)
        return photos.exclude(pk__in=self.ids) if self.ids else photos


def _ids(values: list[str]) -> tuple[int, ...]:
    """Returns the ids without repetitions. Raises SelectionError."""
    ids = tuple(dict.fromkeys(_id(value) for value in values if value))
    if len(ids) > MAX_IDS:
        message = f"You can select {MAX_IDS:,} photos one by one. For more, select all and remove some."
        raise SelectionError("selection-too-large", message)
    return ids


def _id(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= MAX_ID):
        raise SelectionError("selection-invalid", "The selection has an id that is not a number.")
    return int(value)
