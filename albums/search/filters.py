"""The conditions on columns that qualifiers such as `taken:2024-05` and `rating:>=4` mean."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from albums.columns.edited import IS_EDITED
from albums.columns.search_order import PLACE, STARS, UNDATED
from albums.models import Companion, Photo
from albums.search.qualifiers import Filter, Part, Rating, State, Taken, Type

FORMATS = {"jpeg": ("JPEG", "MPO"), "heic": ("HEIF",)}
NOT_RAW = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF", "JXL")


def condition(value: Filter, stars: Any = STARS) -> Q:
    """Returns the condition for photos. `stars` is STARS, or UNINDEXED_STARS if its index is not to be used."""
    match value:
        case Taken():
            return _taken(value)
        case Rating():
            return _rating(value, stars)
        case Type():
            return _type(value.name)
        case State("archived"):
            return Q(album__archived_at__isnull=False)
        case State():
            return IS_EDITED
        case Part():
            return _part(value.name)
    raise AssertionError(value)


def _taken(value: Taken) -> Q:
    newest = -_milliseconds(value.end) + 1 if value.end else None
    oldest = -_milliseconds(value.first) if value.first else UNDATED - 1
    within = Q(LessThanOrEqual(PLACE, oldest))
    return within if newest is None else within & Q(GreaterThanOrEqual(PLACE, newest))


def _rating(value: Rating, stars: Any) -> Q:
    condition = Q()
    if value.least is not None:
        condition &= Q(GreaterThanOrEqual(stars, value.least))
    if value.most is not None:
        condition &= Q(LessThanOrEqual(stars, value.most))
    return condition


def _type(name: str) -> Q:
    if name == "live":
        return Q(Exists(Companion.objects.filter(photo=OuterRef("pk"), kind=Companion.Kind.MOTION)))
    if name == "raw":
        return ~Q(format__in=NOT_RAW) | Q(Exists(Photo.objects.filter(shown_as=OuterRef("pk"))))
    return Q(format__in=FORMATS.get(name, (name.upper(),)))


def _part(name: str) -> Q:
    if name == "date":
        return Q(taken_at__isnull=False) | Q(edited_taken_at__isnull=False)
    if name == "rating":
        return Q(GreaterThanOrEqual(STARS, 1))
    if name == "location":
        return Q(latitude__isnull=False) | Q(edited_latitude__isnull=False)
    if name == "keywords":
        is_edited = Q(edited_keywords__isnull=False)
        return (is_edited & ~Q(edited_keywords=[])) | (~is_edited & ~Q(keywords=[]))
    return (Q(**{f"edited_{name}": None}) & ~Q(**{name: ""})) | Q(**{f"edited_{name}__gt": ""})


def _milliseconds(clock: datetime) -> int:
    return round(clock.replace(tzinfo=UTC).timestamp() * 1000)
