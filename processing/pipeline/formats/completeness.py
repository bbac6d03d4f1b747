"""Is the whole file there? Finds what decoders pass over in silence.

libheif opens a cut file as a 16 x 16 picture, LibRaw develops a third of a sensor's data. What libjpeg does `jpeg.scans` tells,
and `jpeg.repair` whether it can be seen.
"""

from __future__ import annotations

from typing import BinaryIO

from processing.pipeline import errors
from processing.pipeline.containers import gif_blocks, heif_items, isobmff, tiff_directory
from processing.pipeline.formats.detect import Kind

# Of CRW, MRW and X3F only LibRaw knows the shape.
TIFF_LIKE_UNLESS = {"CR3", "RAF", "CRW", "MRW", "X3F"}
RAF_SPANS = (84, 92, 100)
NEEDED = {"CR3": {b"ftyp", b"moov", b"uuid", b"mdat"}, "JXL": {b"ftyp", b"JXL ", b"jxlc", b"jxlp", b"jbrd"}}
"""The boxes that a picture's data and its description lie in."""


def check(file: BinaryIO, kind: Kind) -> None:
    if kind.name in ("AVIF", "HEIF"):
        _check_items(file)
    elif kind.name in NEEDED:
        _check_boxes(file, NEEDED[kind.name])
    elif kind.name == "WEBP":
        _check_riff(file)
    elif kind.name == "GIF":
        gif_blocks.check_blocks(file)
    elif kind.name == "RAF":
        _check_raf(file)
    elif kind.is_raw and kind.name not in TIFF_LIKE_UNLESS:
        _check_end(file, tiff_directory.data_end(file))


def _check_items(file: BinaryIO) -> None:
    """Refuses a picture that lacks bytes of any item. The samples of a sequence lie in `mdat`, which has to be whole then."""
    end = heif_items.data_end(file)
    needed = {b"ftyp", b"meta", b"moov"}
    kinds = _check_boxes(file, needed)
    if end is None or b"moov" in kinds:
        _check_boxes(file, needed | {b"mdat"})
    if not kinds & {b"meta", b"moov"} or (end or 0) > isobmff.length(file):
        raise errors.Truncated


def _check_boxes(file: BinaryIO, needed: set[bytes]) -> set[bytes]:
    """The kinds of boxes in the file. Refuses a needed one that is cut.

    What follows the last may look like a box and end anywhere: phones put trailers and halves of other files there.
    """
    end = isobmff.length(file)
    found = list(isobmff.inside(file, 0, end))
    if any(box.end > end for box in found if box.kind in needed):
        raise errors.Truncated
    return {box.kind for box in found}


def _check_riff(file: BinaryIO) -> None:
    file.seek(4)
    if int.from_bytes(file.read(4), "little") + 8 > isobmff.length(file) + 1:
        raise errors.Truncated


def _check_raf(file: BinaryIO) -> None:
    """Its header says where the JPEG, the sensor's header and its data lie."""
    file.seek(0)
    head = file.read(108)
    _check_end(file, max(int.from_bytes(head[at : at + 4]) + int.from_bytes(head[at + 4 : at + 8]) for at in RAF_SPANS))


def _check_end(file: BinaryIO, end: int) -> None:
    """Some makers' lengths are a little too long: a hundredth is forgiven, which a cut copy hardly loses."""
    length = isobmff.length(file)
    if end > length + length // 100 + 4096:
        raise errors.Truncated
