"""Albums whose files are stored, with rows as the product writes them."""

import hashlib
import random
import uuid
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from albums.download import slots
from albums.models import Album, Companion, Photo, Rendition
from processing.storage import locations

TAKEN = datetime(2024, 5, 17, 9, 30, 10, tzinfo=UTC)


def store(content: bytes, folder: str = "originals") -> dict[str, Any]:
    """Stores the bytes, and returns the columns that describe them."""
    key = f"{locations.for_new()}{folder}/ab/{uuid.uuid4().hex}/file.bin"
    default_storage.save(key, ContentFile(content))
    return {
        "key": key,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "crc32": zlib.crc32(content),
    }


@pytest.fixture(autouse=True)
def free_slots() -> None:
    slots._taken.clear()


@pytest.fixture
def add_photo(album) -> Callable[..., Photo]:
    def add_photo(name: str, content: bytes | None = None, large: bytes = b"", **columns: Any) -> Photo:
        """Creates a photo of the album; with `large`, also a WebP of 2560 px and one of 400 px."""
        stored = store(random.randbytes(50) if content is None else content)
        files = {"original_key": stored["key"], "original_bytes": stored["bytes"], "original_sha256": stored["sha256"]}
        shape = {"format": "JPEG", "width": 60, "height": 40, "position": 1, "taken_at": TAKEN}
        values = {"album": album, "name": name, "crc32": stored["crc32"], **files, **shape} | columns
        photo = Photo.objects.create(**values)
        for edge, webp in ((2560, large), (400, b"small")) if large else ():
            Rendition.objects.create(photo=photo, edge=edge, width=60, height=40, **store(webp, "renditions"))
        return photo

    return add_photo


@pytest.fixture
def add_companion(album: Album) -> Callable[..., Companion]:
    def add_companion(photo: Photo | None, name: str, content: bytes = b"<xmp/>", kind: str = "sidecar") -> Companion:
        return Companion.objects.create(album=album, photo=photo, name=name, kind=kind, **store(content))

    return add_companion
