"""Is the whole file there? Finds what decoders pass over in silence.

libheif opens a cut file as a 16 x 16 picture; `jpeg` tells what libjpeg does.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from processing.pipeline import jpeg, refusals


def check(file: BinaryIO, name: str) -> None:
    if name in ("AVIF", "HEIF"):
        _check_boxes(file)
    elif name == "WEBP":
        _check_riff(file)
    elif name == "JPEG":
        jpeg.check_scans(file)


def _check_boxes(file: BinaryIO) -> None:
    """Every box of ISO/IEC 14496-12 names its length: a cut file has one that ends behind the file's end."""
    end, at = _length(file), 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4])
        if size == 1:
            size = int.from_bytes(head[8:16])
        if size == 0:
            return
        if size < 8 or not re.fullmatch(rb"[ -~\xa9]{4}", head[4:8]):
            return  # Trailing bytes that are no box: cameras leave them.
        at += size
        if at > end:
            raise refusals.Truncated


def _check_riff(file: BinaryIO) -> None:
    file.seek(4)
    if int.from_bytes(file.read(4), "little") + 8 > _length(file) + 1:
        raise refusals.Truncated


def _length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
