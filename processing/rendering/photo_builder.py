"""Builds the library's unsaved rows from the pipeline's result."""

import hashlib
import uuid
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from albums.columns import orientation
from albums.models import Companion, Photo, Rendition
from processing.lib import timestamps
from processing.models import ProcessingJob, Upload
from processing.pipeline import Note, Origin, Picture
from processing.storage import keys as storage_keys
from processing.storage import locations

DAMAGED = "published-damaged"
"""The code of the pipeline's note. Importing the module that defines it would load the decoders."""
CHUNK = 1 << 20
ENDINGS = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "HEIF": "heic"}


def rows(job: ProcessingJob, picture: Picture) -> tuple[Photo, list[Rendition], dict[str, Path]]:
    """Returns the unsaved photo and renditions, and the rendered files by their future storage keys.

    The keys contain the claim, so that a worker that has lost its claim never overwrites the files of the next one.
    """
    assert job.claim is not None
    photo = _photo(job, picture, job.claim)
    return photo, *renditions(photo, picture, job.claim)


def origin(job: ProcessingJob) -> Origin:
    """Returns the file's name and modification date as the client sent them."""
    modified = job.upload.modified_at
    return Origin(job.original_filename, modified.isoformat(timespec="seconds") if modified else None)


def renditions(photo: Photo, picture: Picture, claim: uuid.UUID) -> tuple[list[Rendition], dict[str, Path]]:
    """Returns the unsaved renditions of the photo, and their files by their future storage keys.

    The picture must have been rendered with the photo's orientation.
    """
    rows = []
    files = {}
    for rendition in picture.renditions:
        path = Path(rendition.path)
        sha256, crc32 = _checksums(path)
        key = storage_keys.rendition(locations.for_new(), claim, path.name)
        files[key] = path
        rows.append(
            Rendition(
                photo=photo,
                edge=int(path.stem),
                format=path.suffix[1:],
                key=key,
                width=rendition.width,
                height=rendition.height,
                bytes=rendition.bytes,
                sha256=sha256,
                crc32=crc32,
                recipe=orientation.marked(picture.recipe, photo.orientation),
            )
        )
    return rows, files


def companion(
    job: ProcessingJob, kind: Companion.Kind, ending: str, metadata: dict[str, Any] | None = None
) -> Companion:
    """Returns the unsaved row of a companion file."""
    assert job.claim is not None
    assert job.upload.size is not None
    return Companion(
        album_id=job.album_id,
        kind=kind,
        name=job.original_filename,
        key=storage_keys.original(locations.for_new(), job.claim, ending),
        bytes=job.upload.size,
        sha256=job.upload.sha256,
        words=metadata or {},
    )


def is_damaged(photo: Photo) -> bool:
    """True if the photo was published although its file is damaged. Rendering it again then decodes it as leniently."""
    return any(note.get("code") == DAMAGED for note in photo.notes)


def display_columns(picture: Picture) -> dict[str, Any]:
    """Returns the photo's columns that depend on the recipe and on the photo's orientation. Users cannot edit them."""
    return {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "file_orientation": picture.orientation,
        "placeholder": picture.placeholder,
        "profile": picture.colours.profile or "",
        "gamut": picture.colours.gamut,
        "bit_depth": picture.colours.bits,
        "notes": [asdict(note) for note in (*picture.notes, *_animation(picture))],
    }


def _animation(picture: Picture) -> list[Note]:
    return [Note(Photo.ANIMATION, f"Animation of {picture.frames} frames.")] if picture.frames > 1 else []


def _checksums(path: Path) -> tuple[str, int]:
    """Returns the SHA-256 in hexadecimal and the CRC-32."""
    sha256, crc32 = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
    return sha256.hexdigest(), crc32


def _position(upload: Upload) -> int:
    """Returns the creation time of the upload in microseconds: the order of selection. Files arrive in any order."""
    return int(upload.created_at.timestamp() * 1_000_000)


def _photo(job: ProcessingJob, picture: Picture, claim: uuid.UUID) -> Photo:
    assert job.upload.size is not None
    meta, exposure = picture.metadata, picture.metadata.exposure
    taken_at, offset = timestamps.parse_capture_time(meta.taken_at)
    ending = ENDINGS.get(picture.format, picture.format.lower())
    return Photo(
        album_id=job.album_id,
        position=_position(job.upload),
        upload_position=_position(job.upload),
        name=job.original_filename,
        title=meta.title or "",
        caption=meta.caption or "",
        keywords=list(meta.keywords),
        original_key=storage_keys.original(locations.for_new(), claim, f".{ending}"),
        original_bytes=job.upload.size,
        original_sha256=job.upload.sha256,
        taken_at=taken_at,
        taken_offset_minutes=offset,
        taken_from=meta.taken_from or "",
        camera=meta.camera or "",
        lens=meta.lens or "",
        aperture=exposure.aperture,
        shutter_seconds=exposure.shutter_seconds,
        iso=exposure.iso,
        focal_length_mm=exposure.focal_length_mm,
        creator=meta.creator or "",
        copyright=meta.copyright or "",
        rating=meta.rating,
        **_gps(picture),
        **display_columns(picture),
    )


def _gps(picture: Picture) -> dict[str, Any]:
    gps = picture.metadata.gps
    return {"latitude": gps.latitude, "longitude": gps.longitude, "altitude": gps.altitude} if gps else {}
