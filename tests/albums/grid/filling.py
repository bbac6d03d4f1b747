"""Albums with many photos: rows only, without files."""

from datetime import datetime
from typing import Any

from albums.models import Album, Photo, Rendition

FIRST_POSITION = 1_764_000_000_000_000


def fill(album: Album, count: int, **columns: Any) -> list[Photo]:
    """Adds photos at the next positions, each with two renditions. Returns the photos in the album's order."""
    first = Photo.objects.count()
    photos = Photo.objects.bulk_create(_photo(album, first + number, columns) for number in range(count))
    Rendition.objects.bulk_create(_rendition(photo, edge) for photo in photos for edge in (400, 800))
    return photos


def taken(text: str) -> datetime:
    """Returns a capture time in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


def _photo(album: Album, number: int, columns: dict[str, Any]) -> Photo:
    identity = f"{number:064}"
    keys = {"original_key": f"originals/{identity}.jpg", "original_bytes": 1, "original_sha256": identity}
    defaults = {"position": FIRST_POSITION + number, "width": 6000, "height": 4000, "name": f"IMG_{number:04}.JPG"}
    return Photo(album=album, format="JPEG", **keys | defaults | columns)


def _rendition(photo: Photo, edge: int) -> Rendition:
    key = f"renditions/ab/{photo.pk:032}/{edge}.webp"
    return Rendition(photo=photo, edge=edge, key=key, width=edge, height=edge * 2 // 3, bytes=1, sha256="")
