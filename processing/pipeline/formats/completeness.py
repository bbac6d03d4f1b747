"""Detects truncated files that decoders open without an error.

libheif opens a truncated file as a 16 x 16 picture, and LibRaw develops a third of a sensor's data. Truncated JPEGs are detected
by `jpeg.scans`, and `jpeg.jpeg_repair` decides whether that is visible.
"""

from __future__ import annotations

from typing import BinaryIO

from processing.pipeline import errors
from processing.pipeline.containers import gif_blocks, heif_items, isobmff, tiff_directory
from processing.pipeline.formats.detect import Kind

# Formats that are not structured like TIFF. Only LibRaw knows the structure of CRW, MRW and X3F.
NOT_TIFF_LIKE = {"CR3", "RAF", "CRW", "MRW", "X3F"}
RAF_SPAN_OFFSETS = (84, 92, 100)
NEEDED_BOXES = {"CR3": {b"ftyp", b"moov", b"uuid", b"mdat"}, "JXL": {b"ftyp", b"JXL ", b"jxlc", b"jxlp", b"jbrd"}}
"""The boxes with a picture's data and metadata."""


def is_complete(file: BinaryIO, kind: Kind) -> bool:
    try:
        check(file, kind)
    except errors.Truncated:
        return False
    return True


def check(file: BinaryIO, kind: Kind, *, is_strict: bool = True) -> None:
    """Raises Truncated if the end of the file is missing; if not `is_strict`, only if no part of the picture can be decoded."""
    if not is_strict and (kind.is_raw or kind.name == "WEBP"):
        return
    if kind.name in ("AVIF", "HEIF"):
        _check_items(file, is_strict=is_strict or kind.name == "AVIF")
    elif kind.name in NEEDED_BOXES:
        _check_boxes(file, NEEDED_BOXES[kind.name])
    elif kind.name == "WEBP":
        _check_riff(file)
    elif kind.name == "GIF":
        gif_blocks.check_blocks(file)
    elif kind.name == "RAF":
        _check_raf(file)
    elif kind.is_raw and kind.name not in NOT_TIFF_LIKE:
        _check_end(file, tiff_directory.data_end(file))


def _check_items(file: BinaryIO, *, is_strict: bool) -> None:
    """Raises Truncated if data of any item is missing; if not `is_strict`, only if the list of items is.

    For a sequence, `mdat` must be complete, because it has the samples.
    """
    end = heif_items.data_end(file)
    needed = {b"ftyp", b"meta", b"moov"}
    kinds = _check_boxes(file, needed)
    if not kinds & {b"meta", b"moov"}:
        raise errors.Truncated
    if is_strict and (end is None or b"moov" in kinds):
        _check_boxes(file, needed | {b"mdat"})
    if is_strict and (end or 0) > isobmff.length(file):
        raise errors.Truncated


def _check_boxes(file: BinaryIO, needed: set[bytes]) -> set[bytes]:
    """The types of boxes in the file. Raises Truncated if one of the `needed` types is incomplete.

    Other boxes may be incomplete: phones append trailers and parts of other files, which can look like boxes.
    """
    end = isobmff.length(file)
    boxes = list(isobmff.child_boxes(file, 0, isobmff.own_end(file)))
    if any(box.end > end for box in boxes if box.kind in needed):
        raise errors.Truncated
    return {box.kind for box in boxes}


def _check_riff(file: BinaryIO) -> None:
    file.seek(4)
    if int.from_bytes(file.read(4), "little") + 8 > isobmff.length(file) + 1:
        raise errors.Truncated


def _check_raf(file: BinaryIO) -> None:
    """Raises Truncated if the JPEG, the sensor's header or its data is incomplete. The file's header has their offsets."""
    file.seek(0)
    head = file.read(108)
    _check_end(
        file,
        max(
            int.from_bytes(head[offset : offset + 4]) + int.from_bytes(head[offset + 4 : offset + 8])
            for offset in RAF_SPAN_OFFSETS
        ),
    )


def _check_end(file: BinaryIO, end: int) -> None:
    """Raises Truncated if the file ends before `end`.

    One hundredth is tolerated, because the lengths of some makers are slightly too large. An interrupted copy usually lacks more.
    """
    length = isobmff.length(file)
    if end > length + length // 100 + 4096:
        raise errors.Truncated
