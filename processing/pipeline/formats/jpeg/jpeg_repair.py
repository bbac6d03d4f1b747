"""Repairs JPEGs with damage that is not visible: no end marker, restarts out of order, a stray marker in a scan.

The bytes do not show whether damage is visible, so libjpeg decides (ITU-T T.81 leaves recovery to the decoder). A file counts as
complete if the picture stays the same, pixel for pixel, when further data is added after each interval: a complete interval
ignores it, and an incomplete one decodes it as pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageChops

from processing.pipeline import errors
from processing.pipeline.formats.jpeg import scans as jpeg_scans
from processing.pipeline.picture import Note

END = b"\xff\xd9"
CODE = "slightly-damaged"
NO_END = "its end marker is missing"
RESTARTS = "its restart markers are out of order"
STRAY = "it has a stray marker in the picture data"
MESSAGE = "This JPEG is slightly damaged: {fault}. The whole picture is shown; the original is stored as uploaded."
MARKER = re.compile(rb"\xff([^\x00\xff])")
FIRST_RESTART = 0xD0
FILLER = jpeg_scans.FILLER[:64]


@dataclass(frozen=True, slots=True)
class RepairResult:
    """The content of an undamaged JPEG, and a note of the file's damage."""

    content: bytes
    note: Note


def repair(data: jpeg_scans.Data, size: tuple[int, int]) -> RepairResult:
    """The repaired file. `size` is the size at which pictures are compared.

    Raises Truncated or Broken if a part of the picture is missing or wrong.
    """
    frame = jpeg_scans.frame(data)
    scans = list(jpeg_scans.scans(data))
    if frame is None or frame.is_lossless or not scans:
        raise errors.Broken
    last = scans[-1]
    end, restarts = _scan_end(data, last, frame)
    if end == len(data) - 1 and data.find(END, last.start) < 0:
        raise errors.Truncated  # cameras omit the whole marker; half of one means an interrupted copy
    # Zeros decode as flat blocks, so a file that was allocated at full size but not filled would look complete.
    end = jpeg_scans.without_padding(data, last.start, end)
    content = data[:end] + END
    # The comparison cannot detect missing intervals after a complete one, so they are counted.
    has_all = restarts == frame.restarts(last) and not jpeg_scans.is_partial(scans, frame)
    if has_all and _is_same_picture(content, data[:end] + jpeg_scans.FILLER + END, size):
        return RepairResult(content, _note(NO_END))
    if len(scans) > 1 or not frame.is_sequential:
        raise _damage(data, last.start)
    return _renumbered(data, last, frame, size)


def repair_leniently(data: jpeg_scans.Data) -> bytes:
    """The file without stray markers and with renumbered restarts, because such faults hide most of the picture.

    Returns the file unchanged unless it is sequential, has a single scan and lacks no restart.
    """
    frame, scans = jpeg_scans.frame(data), list(jpeg_scans.scans(data))
    if frame is None or len(scans) != 1 or not frame.is_sequential:
        return bytes(data)
    start = scans[0].start
    parts = list(_intervals(data, start, _end(data, start)))
    if frame.restarts(scans[0]) != len(parts) - 1:
        return bytes(data)
    return data[:start] + _joined(parts) + END


def _renumbered(
    data: jpeg_scans.Data, scan: jpeg_scans.Scan, frame: jpeg_scans.Frame, size: tuple[int, int]
) -> RepairResult:
    """The file with renumbered restarts and without stray markers. Raises Truncated or Broken if its picture is incomplete."""
    start, end = scan.start, _end(data, scan.start)
    parts = list(_intervals(data, start, end))
    if frame.restarts(scan) != len(parts) - 1:
        raise _damage(data, start)
    head, fault = data[:start], STRAY if _has_stray(data, start, end) else RESTARTS
    content = head + _joined(parts) + END
    if not _is_same_picture(content, head + _joined(parts, FILLER) + END, size):
        raise _damage(data, start)
    # A stray marker has overwritten data, so the picture is complete only if the damaged file decodes to the same pixels.
    if fault == STRAY and not _is_same_picture(content, data[:end] + END, size):
        raise errors.Broken
    return RepairResult(content, _note(fault))


def _damage(data: jpeg_scans.Data, start: int) -> errors.ImageRejected:
    """Truncated if there is no end marker, otherwise Broken."""
    return errors.Truncated() if data.find(END, start) < 0 else errors.Broken()


def _scan_end(data: jpeg_scans.Data, scan: jpeg_scans.Scan, frame: jpeg_scans.Frame) -> tuple[int, int]:
    """The end of the scan, which is the first marker that cannot be part of it, and the number of its restarts."""
    expected, count = frame.restarts(scan), 0
    for match in MARKER.finditer(data, scan.start):
        if count == expected or match[1][0] != FIRST_RESTART + count % 8:
            return match.start(), count
        count += 1
    return _without_fill(data), count


def _end(data: jpeg_scans.Data, start: int) -> int:
    offset = data.find(END, start)
    return jpeg_scans.without_padding(data, start, _without_fill(data)) if offset < 0 else offset


def _without_fill(data: jpeg_scans.Data) -> int:
    """The end of the data without trailing 0xFF bytes, which begin a marker that was cut off."""
    end = len(data)
    while end and data[end - 1] == 0xFF:
        end -= 1
    return end


def _intervals(data: jpeg_scans.Data, start: int, end: int) -> Iterator[bytes]:
    """The data between restarts, without other markers."""
    part, offset = b"", start
    for match in MARKER.finditer(data, start, end):
        part += data[offset : match.start()]
        offset = match.end()
        if match[1][0] in jpeg_scans.RESTART_MARKERS:
            yield part
            part = b""
    yield part + data[offset:end]


def _has_stray(data: jpeg_scans.Data, start: int, end: int) -> bool:
    return any(match[1][0] not in jpeg_scans.RESTART_MARKERS for match in MARKER.finditer(data, start, end))


def _joined(parts: list[bytes], filler: bytes = b"") -> bytes:
    filled = [part + filler for part in parts]
    return filled[0] + b"".join(
        bytes((0xFF, FIRST_RESTART + number % 8)) + content for number, content in enumerate(filled[1:])
    )


def _is_same_picture(first: bytes, second: bytes, size: tuple[int, int]) -> bool:
    with _decoded(first, size) as first_image, _decoded(second, size) as second_image:
        return ImageChops.difference(first_image, second_image).getbbox() is None


def _decoded(content: bytes, size: tuple[int, int]) -> Image.Image:
    image = Image.open(BytesIO(content), formats=("JPEG",))
    image.draft("RGB", size)
    image.load()
    return image


def _note(fault: str) -> Note:
    return Note(CODE, MESSAGE.format(fault=fault))
