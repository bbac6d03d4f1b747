"""Reads the metadata of camera RAW files. Most are TIFFs, some with a different signature; CR3 has TIFFs inside boxes.

If a file (such as RAF) has none of its own, the metadata of its embedded JPEG is used: the camera wrote both at the same time.
"""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from PIL import Image
from PIL.ExifTags import Base

from processing.pipeline.containers import isobmff, tiff_directory
from processing.pipeline.metadata import blocks
from processing.pipeline.metadata.blocks import Blocks

HEAD_BYTES = 8 * 1024 * 1024
TIFF_HEADS = {b"II": b"II*\0", b"MM": b"MM\0*"}
# UUIDs of Canon's own boxes (CR3) and of Adobe's box for XMP.
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
ADOBE = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def read(file: BinaryIO, kind: str, preview: Image.Image | None) -> Blocks:
    try:
        own_blocks = _of_cr3(file) if kind == "CR3" else of_tiff(file)
    except Exception:  # noqa: BLE001 - Pillow raises arbitrary exceptions for a broken header.
        own_blocks = Blocks()
    if Base.Make in own_blocks.main or preview is None:
        return own_blocks
    return blocks.of_image(preview)


def of_tiff(file: BinaryIO) -> Blocks:
    file.seek(0)
    head = file.read(4)
    if head in TIFF_HEADS.values():
        file.seek(0)
        return _of_exif(_loaded(file))
    if head[:2] not in TIFF_HEADS:
        return Blocks()
    return _of_exif(_loaded(BytesIO(TIFF_HEADS[head[:2]] + file.read(HEAD_BYTES))))


def _of_exif(exif: Image.Exif) -> Blocks:
    packet = exif.get(tiff_directory.XMP)
    return blocks.of_exif(exif, (packet if isinstance(packet, bytes) else b"",))


def _of_cr3(file: BinaryIO) -> Blocks:
    """Returns the blocks of a CR3. Each directory is a TIFF in its own box: CMT1 is main, CMT2 camera, CMT4 GPS."""
    parts: dict[bytes, Image.Exif] = dict(_canon_parts(file))
    packet = next((body[16:] for body in _uuids(file) if body[:16] == ADOBE), b"")
    main, camera, gps = (parts.get(kind, Image.Exif()) for kind in (b"CMT1", b"CMT2", b"CMT4"))
    return Blocks(main, camera, gps, (packet,) if packet else ())


def _canon_parts(file: BinaryIO) -> list[tuple[bytes, Image.Exif]]:
    return [
        (part.kind, _loaded(BytesIO(isobmff.body(file, part, HEAD_BYTES))))
        for box in isobmff.find_boxes(file, b"moov", b"uuid")
        if isobmff.body(file, box, 16) == CANON
        for part in isobmff.child_boxes(file, box.start + 16, box.end)
        if part.kind in (b"CMT1", b"CMT2", b"CMT4")
    ]


def _uuids(file: BinaryIO) -> list[bytes]:
    return [isobmff.body(file, box, HEAD_BYTES) for box in isobmff.find_boxes(file, b"uuid")]


def _loaded(file: BinaryIO) -> Image.Exif:
    exif = Image.Exif()
    exif.load_from_fp(file)
    return exif
