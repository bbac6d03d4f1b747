"""The values that the photos of a selection have, with counts, in a constant number of queries."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, F, Q, When
from django.db.models.functions import Coalesce

from albums.models import Photo, PhotoQuerySet

MAX_VALUES = 3
"""Values of a text that are shown. The others are counted."""
MAX_KEYWORDS = 60


@dataclass(frozen=True, slots=True)
class Values:
    """The most frequent values with their counts, and the number of other values."""

    counts: list[tuple[str, int]]
    others: int = 0


@dataclass(frozen=True, slots=True)
class MixedValues:
    total: int
    title: Values
    caption: Values
    alt_text: Values
    keywords: list[tuple[str, int]]
    """The most frequent keywords, by name, with the number of photos that have each."""
    rating: Values
    location: Values
    first: Photo | None
    """The photo with the earliest local time of capture; None if no photo has one."""
    last: Photo | None


def read(photos: PhotoQuerySet) -> MixedValues:
    photos = photos.order_by()
    dated = photos.exclude(taken_at=None, edited_taken_at=None).by_time()
    return MixedValues(
        total=photos.count(),
        title=_values(photos, Coalesce(F("edited_title"), F("title")), "No title"),
        caption=_values(photos, Coalesce(F("edited_caption"), F("caption")), "No caption"),
        alt_text=_values(photos, F("alt_text"), "No alternative text"),
        keywords=_keywords(photos),
        rating=_values(photos, Coalesce(F("edited_rating"), F("rating"), 0), "Not rated", _stars),
        location=_locations(photos),
        first=dated.first(),
        last=dated.last(),
    )


def _values(photos: PhotoQuerySet, expression: Any, empty: str, name: Any = str) -> Values:
    counted = photos.values(value=expression).annotate(count=Count("pk")).order_by("-count", "value")
    rows = list(counted.values_list("value", "count")[: MAX_VALUES + 1])
    further_values = counted.count() - MAX_VALUES if len(rows) > MAX_VALUES else 0
    return Values([(name(value) if value else empty, count) for value, count in rows[:MAX_VALUES]], further_values)


def _keywords(photos: PhotoQuerySet) -> list[tuple[str, int]]:
    """Counts equal lists in the database, since an album has few different ones, and their words here."""
    lists = Case(When(edited_keywords__isnull=False, then=F("edited_keywords")), default=F("keywords"))
    counts: Counter[str] = Counter()
    for keywords, count in photos.values_list(lists).annotate(count=Count("pk")).iterator():
        counts.update(dict.fromkeys(set(_words(keywords)), count))
    return sorted(counts.most_common(MAX_KEYWORDS), key=lambda item: item[0].casefold())


def _words(words: Any) -> Iterable[str]:
    return (str(word) for word in words) if isinstance(words, list) else ()


def _stars(value: int) -> str:
    return "Rejected" if value < 0 else f"{value} star{'' if value == 1 else 's'}"


def _locations(photos: PhotoQuerySet) -> Values:
    has_location = Q(location_removed=False) & (Q(edited_latitude__isnull=False) | Q(latitude__isnull=False))
    counts = photos.aggregate(located=Count("pk", filter=has_location), total=Count("pk"))
    pairs = [("With a location", counts["located"]), ("No location", counts["total"] - counts["located"])]
    return Values([(name, count) for name, count in pairs if count])
