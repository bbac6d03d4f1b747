"""Is the whole file there? Finds what decoders pass over in silence.

libheif opens a cut file as a 16 x 16 picture, LibRaw develops a third of a sensor's data; `jpeg` tells what libjpeg does.
"""

from __future__ import annotations

from typing import BinaryIO

from processing.pipeline import boxes, gif, jpeg, refusals, tiff
from processing.pipeline.recognising import Kind

# Of CRW, MRW and X3F only LibRaw knows the shape.
TIFF_LIKE_UNLESS = {"CR3", "RAF", "CRW", "MRW", "X3F"}
RAF_SPANS = (84, 92, 100)


def check(file: BinaryIO, kind: Kind) -> None:
    if kind.name in ("AVIF", "HEIF", "CR3", "JXL"):
        _check_boxes(file)
    elif kind.name == "WEBP":
        _check_riff(file)
    elif kind.name == "JPEG":
        jpeg.check_scans(file)
    elif kind.name == "GIF":
        gif.check_blocks(file)
    elif kind.name == "RAF":
        _check_raf(file)
    elif kind.is_raw and kind.name not in TIFF_LIKE_UNLESS:
        _check_end(file, tiff.data_end(file))


def _check_boxes(file: BinaryIO) -> None:
    end = boxes.length(file)
    if any(box.end > end for box in boxes.inside(file, 0, end)):
        raise refusals.Truncated


def _check_riff(file: BinaryIO) -> None:
    file.seek(4)
    if int.from_bytes(file.read(4), "little") + 8 > boxes.length(file) + 1:
        raise refusals.Truncated


def _check_raf(file: BinaryIO) -> None:
    """Its header says where the JPEG, the sensor's header and its data lie."""
    file.seek(0)
    head = file.read(108)
    _check_end(file, max(int.from_bytes(head[at : at + 4]) + int.from_bytes(head[at + 4 : at + 8]) for at in RAF_SPANS))


def _check_end(file: BinaryIO, end: int) -> None:
    """Some makers' lengths are a little too long: a hundredth is forgiven, which a cut copy hardly loses."""
    length = boxes.length(file)
    if end > length + length // 100 + 4096:
        raise refusals.Truncated
