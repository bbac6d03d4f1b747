"""Photos with stored files, and everything that is in the database and in the storage, for comparison."""

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model

from albums.models import Album, Companion, Operation, OperationStep, PerceptualHash, Photo, Rendition
from processing.storage import keys as storage_keys
from processing.storage import locations, store

CHECKED = ("checked_at", "verified_at")


def photo(album: Album, position: int, **columns: Any) -> Photo:
    """A photo with an original, two renditions and a perceptual hash. The files are stored."""
    content = f"original {position} of {album.pk}".encode()
    values = {"width": 600, "height": 400, "format": "JPEG", "name": f"IMG_{position:04}.JPG", **columns}
    key = storage_keys.original(locations.for_new(), uuid.uuid4(), ".jpg")
    row = Photo.objects.create(
        album=album,
        position=position,
        original_key=write(key, content),
        original_bytes=len(content),
        original_sha256=hashlib.sha256(content).hexdigest(),
        **values,
    )
    claim = uuid.uuid4()
    for edge in (400, 800):
        content = f"{edge} pixels of {row.pk}".encode()
        key = write(storage_keys.rendition(locations.for_new(), claim, f"{edge}.webp"), content)
        sha256 = hashlib.sha256(content).hexdigest()
        Rendition.objects.create(
            photo=row, edge=edge, key=key, width=edge, height=edge, bytes=len(content), sha256=sha256
        )
    PerceptualHash.objects.create(photo=row, album=album, first=position, second=2, third=3, fourth=4)
    return row


def sidecar(owner: Photo, name: str = "IMG.xmp") -> Companion:
    content = f"{name} of {owner.pk}".encode()
    key = write(storage_keys.original(locations.for_new(), uuid.uuid4(), ".xmp"), content)
    sha256 = hashlib.sha256(content).hexdigest()
    return Companion.objects.create(
        album=owner.album, photo=owner, kind="sidecar", name=name, key=key, bytes=len(content), sha256=sha256
    )


def pair(album: Album, position: int) -> tuple[Photo, Photo]:
    """A JPEG with a sidecar, and the RAW that it is shown for."""
    jpeg = photo(album, position)
    raw = photo(album, position + 1, format="CR2", name=f"IMG_{position:04}.CR2", shown_as=jpeg)
    sidecar(jpeg, f"IMG_{position:04}.xmp")
    return jpeg, raw


def write(key: str, content: bytes) -> str:
    writer = store().receive(key)
    writer.write(content)
    writer.commit()
    return key


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the albums and of processing, except for operations."""
    models = (*apps.get_app_config("albums").get_models(), *apps.get_app_config("processing").get_models())
    return {model.__name__: list(_values(model)) for model in models if model not in (Operation, OperationStep)}


def _values(model: type[Model]) -> Iterator[tuple[Any, ...]]:
    for values in model._default_manager.order_by("pk").values():
        yield tuple(values.items())


def files() -> set[str]:
    prefixes = (storage_keys.ORIGINALS, storage_keys.RENDITIONS, storage_keys.INCOMING)
    return {key for prefix in prefixes for key in store().keys(locations.for_new() + prefix)}
