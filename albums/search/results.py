"""The photos that a query finds, as querysets: those that pages show, of the albums that the user may see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection
from django.db.models import F, Func, Q
from django.db.models.expressions import RawSQL
from django.db.models.lookups import In, IsNull

from albums.columns.search_order import PLACE, STARS, UNINDEXED_PLACE, UNINDEXED_STARS
from albums.models import Album, Photo, PhotoQuerySet
from albums.search import filters, index, sqlite_index
from albums.search.qualifiers import Rating, State, Taken
from albums.search.query import Query, Words, parse

MAX_COUNT = 10_000
"""Results that are counted exactly. With more of them, reading photos in order finds the first ones sooner than the index."""
RAW_ENDINGS = {
    *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw"),
    *("nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
}
"""File name extensions of RAWs, by which photos that are shown for a RAW are found."""


@dataclass(frozen=True)
class Search:
    """A search by a user, in one album or in all that the user may see."""

    user: AbstractBaseUser | AnonymousUser
    query: Query
    text: str
    album_id: int | None = None

    @cached_property
    def photos(self) -> PhotoQuerySet:
        """The photos found, unsorted. None for a query without terms."""
        return self._photos(reads_in_order=False)

    @cached_property
    def ordered(self) -> PhotoQuerySet:
        """The photos found with their `place`, in the order of pages: the album's, or the newest first."""
        reads_in_order = self.count > MAX_COUNT or self._is_range_of_dates
        photos = self._photos(reads_in_order=reads_in_order)
        if self.album_id:
            return photos.annotate(place=F("position")).order_by("position", "pk")
        return photos.annotate(place=PLACE if reads_in_order else UNINDEXED_PLACE).order_by("place", "pk")

    @cached_property
    def count(self) -> int:
        """The number of photos found, at most MAX_COUNT + 1, which means more."""
        return self._counted().order_by().values("pk")[: MAX_COUNT + 1].count()

    @property
    def count_text(self) -> str:
        """“1,204 photos”, or “10,000+ photos”."""
        if self.count > MAX_COUNT:
            return f"{MAX_COUNT:,}+ photos"
        return f"{self.count:,} photo{'' if self.count == 1 else 's'}"

    @property
    def _has_range(self) -> bool:
        """True for dates or ratings, which have indexes that find the photos."""
        return any(isinstance(each.filter, Taken | Rating) and not each.is_negated for each in self.query.conditions)

    @property
    def _is_range_of_dates(self) -> bool:
        """True if the index of dates finds the photos, already in the order of pages."""
        has_dates = any(isinstance(each.filter, Taken) and not each.is_negated for each in self.query.conditions)
        return has_dates and not self.album_id and all(term.is_negated for term in self.query.words)

    @cached_property
    def _own_words(self) -> list[Words]:
        """The words that only the photo's own texts have, so that one look into their index finds the photos."""
        in_titles = _found_in_titles([term for term in self.query.words if not term.field])
        return [
            term
            for term in self.query.words
            if not (term.is_negated or term.field == "album" or term in in_titles or _may_name_raws(term))
        ]

    def _counted(self) -> PhotoQuerySet:
        """The photos found. With words, SQLite counts them match by match; for `photos` it first reads all matches."""
        if connection.vendor != "sqlite" or self.album_id or self._has_range or not self._own_words:
            return self.photos
        others = _with_words([term for term in self.query.words if term not in self._own_words], [], "+")
        photos = self._with_conditions(self._searched_photos(reads_in_order=True)).filter(*others)
        counted: PhotoQuerySet = photos.extra(**sqlite_index.joined(self._own_words))  # type: ignore[assignment]
        return counted

    def _photos(self, *, reads_in_order: bool) -> PhotoQuerySet:
        if not self.query.terms:
            return Photo.objects.none()
        photos = self._with_conditions(self._searched_photos(reads_in_order=reads_in_order), reads_in_order)
        return photos.filter(*_with_words(self.query.words, self._own_words, "+" if reads_in_order else ""))

    def _with_conditions(self, photos: PhotoQuerySet, reads_in_order: bool = False) -> PhotoQuerySet:
        for condition in self.query.conditions:
            matching = filters.condition(condition.filter, UNINDEXED_STARS if reads_in_order else STARS)
            photos = photos.exclude(matching) if condition.is_negated else photos.filter(matching)
        return photos

    def _searched_photos(self, *, reads_in_order: bool) -> PhotoQuerySet:
        """The photos among which is searched: those that pages show, of the album or of all albums that are not archived.

        Without statistics, SQLite prefers the indexes of `shown_as` or of albums, which almost all photos match, to those of
        dates and ratings. So it must not have the choice where the latter serve better.
        """
        albums, conditions = Album.objects.visible_to(self.user), self.query.conditions
        if self.album_id:
            return Photo.objects.shown().filter(album=self.album_id, album__in=albums)
        if not any(condition.filter == State("archived") for condition in conditions):
            albums = albums.filter(archived_at=None)
        if connection.vendor != "sqlite" or not (reads_in_order or self._has_range):
            return Photo.objects.shown().filter(album__in=albums)
        is_shown = (IsNull(_unindexed(column), True) for column in ("shown_as_id", "trashed_at"))
        return Photo.objects.filter(*is_shown, In(_unindexed("album_id"), albums.order_by().values("pk")))


def search(user: AbstractBaseUser | AnonymousUser, text: str, album_id: int | None = None) -> Search:
    """Returns the search for the text. It reads the database when its properties are used."""
    return Search(user, parse(text), text, album_id)


def _with_words(terms: Sequence[Words], own: Sequence[Words], prefix: str) -> list[Any]:
    """Returns conditions for photos with all of the words, of their own or, unless `own` has them, in their album's title."""
    conditions = [_in(index.photo_ids(own), prefix)] if own else []
    others = [term for term in terms if term not in own]
    return conditions + [~_any(term, "") if term.is_negated else _any(term, prefix) for term in others]


def _any(term: Words, prefix: str) -> Any:
    """Returns the condition for photos that have the term, or whose album has it in its title."""
    positive = replace(term, field="" if term.field == "album" else term.field)
    albums = index.album_ids([positive])
    if term.field == "album":
        return Q(album_id__in=albums)
    photos = _photo_ids(positive)
    if term.field:
        return _in(photos, prefix)
    if prefix:  # The title decides about most photos, without looking at the index of photos.
        return Q(album_id__in=albums) | Q(_in(photos, prefix))
    members = f"SELECT id FROM albums_photo WHERE album_id IN ({albums.sql})"
    return _in(RawSQL(f"{photos.sql} UNION ALL {members}", [*photos.params, *albums.params]), prefix)


def _photo_ids(term: Words) -> RawSQL:
    """Returns a subquery of the ids of photos that have the term, or that are shown for a RAW that has it."""
    photos = index.photo_ids([term])
    if not _may_name_raws(term):
        return photos
    leads = f"SELECT shown_as_id FROM albums_photo WHERE shown_as_id IS NOT NULL AND id IN ({photos.sql})"
    return RawSQL(f"{photos.sql} UNION ALL {leads}", [*photos.params, *photos.params])


def _may_name_raws(term: Words) -> bool:
    """True for `IMG_0412.CR3`. What else a RAW is found by, the JPEG that is shown for it has, too."""
    return not term.field and not RAW_ENDINGS.isdisjoint(term.words)


def _in(photo_ids: RawSQL, prefix: str) -> Any:
    """Returns the condition that the photo is in the subquery.

    With the prefix `+`, SQLite evaluates the subquery once and then looks up each photo that it reads in another order.
    """
    if prefix and connection.vendor == "sqlite":
        return In(_unindexed("pk"), photo_ids)
    return Q(pk__in=photo_ids)


def _unindexed(column: str) -> Func:
    """Returns the column as an expression for which SQLite has no index."""
    return Func(F(column), template="+%(expressions)s")


def _found_in_titles(terms: Sequence[Words]) -> set[Words]:
    """Returns the terms that are in the title of any album, from one query."""
    if not terms:
        return set()
    subqueries = [index.album_ids([term]) for term in terms]
    tests = [f"SELECT {number} WHERE EXISTS ({subquery.sql})" for number, subquery in enumerate(subqueries)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(tests), [value for subquery in subqueries for value in subquery.params])
        return {terms[number] for (number,) in cursor.fetchall()}
