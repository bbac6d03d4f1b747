"""Which stored files an archive of some photos contains, as querysets with columns of the same names."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum, TextChoices

from albums.download.names import split
from albums.models import Companion, Photo, PhotoQuerySet, Rendition


class Size(TextChoices):
    ORIGINAL = "original", "Originals"
    LARGE = "2560", "2560 px (WebP)"


@dataclass(frozen=True, slots=True)
class Total:
    """The number of files and the sum of their sizes, without the headers of the archive."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Files:
    """Some of the files. The other values are lookups; `photo` is the prefix of those of the photo, empty if a row is one."""

    rows: QuerySet[Any]
    key: str = "key"
    size: str = "bytes"
    sha256: str = "sha256"
    name: str = "name"
    photo: str = "photo__"
    shown: str = "photo_id"
    """The lookup of the id of the photo that is shown for a file."""
    ending: str = ""
    """The extension that replaces that of the name, if any."""

    @property
    def item(self) -> str:
        """The lookup of the id of the photo or companion that a file is checked with (`albums/key_columns.py`)."""
        return "photo" if self.rows.model is Rendition else "pk"

    @property
    def is_of_companions(self) -> bool:
        return self.rows.model is Companion

    def renamed(self, name: str) -> str:
        return split(name)[0] + self.ending if self.ending else name

    def total(self) -> Total:
        sums = self.rows.order_by().aggregate(files=Count("pk"), bytes=Sum(self.size))
        return Total(sums["files"], sums["bytes"] or 0)

    def having(self, keys: QuerySet[Any]) -> "Files":
        return replace(self, rows=self.rows.filter(**{f"{self.key}__in": keys}))

    def without(self, keys: QuerySet[Any]) -> "Files":
        return replace(self, rows=self.rows.exclude(**{f"{self.key}__in": keys}))

    def unread(self) -> "Files":
        """Those whose CRC-32 is not known yet."""
        return replace(self, rows=self.rows.filter(crc32=None))


def total(parts: Iterable[Files]) -> Total:
    totals = [files.total() for files in parts]
    return Total(sum(total.files for total in totals), sum(total.bytes for total in totals))


@dataclass(frozen=True, slots=True)
class Scope:
    """The photos of an archive (`photos` is not sliced and contains no photo that is shown as another), and what of them."""

    photos: PhotoQuerySet
    size: Size = Size.ORIGINAL
    with_companions: bool = True
    left_out: QuerySet[Any] | None = None
    """The keys of files that are left out, as a subquery."""

    def files(self) -> list[Files]:
        """Returns all files in a few parts: those of the photos, then of their RAWs, then the companions."""
        files = [self._renditions()] if self.size == Size.LARGE else [self._originals(), self._raws()]
        if self.with_companions:
            files += self.companions()
        return files if self.left_out is None else [part.without(self.left_out) for part in files]

    def _originals(self) -> Files:
        return Files(self.photos, "original_key", "original_bytes", "original_sha256", photo="", shown="pk")

    def _raws(self) -> Files:
        """The originals of RAWs for which photos of the archive are shown."""
        return replace(self._originals(), rows=self._halves(), shown="shown_as_id")

    def _renditions(self) -> Files:
        """The largest WebP of each photo."""
        larger = Rendition.objects.filter(photo=OuterRef("photo"), format=OuterRef("format"), edge__gt=OuterRef("edge"))
        webps = Rendition.objects.filter(photo__in=self.photos, format=Rendition.Format.WEBP)
        return Files(webps.exclude(Exists(larger)), name="photo__name", ending=".webp")

    def companions(self) -> list[Files]:
        """The sidecars and Live videos of the photos and of their RAWs. With OR, PostgreSQL would read the whole table."""
        of_photos, of_raws = (Companion.objects.filter(photo__in=photos) for photos in (self.photos, self._halves()))
        return [Files(of_photos), Files(of_raws, shown="photo__shown_as_id")]

    def _halves(self) -> PhotoQuerySet:
        return Photo.objects.filter(shown_as__in=self.photos)
