"""JPEGs with damage that standard viewers do not show: no end marker, restarts out of order, a stray marker in a scan.

Whether damage is visible cannot be read from the bytes, so libjpeg decides (ITU-T T.81 leaves recovery to the decoder): a file
counts as whole when the picture stays the same, pixel for pixel, with further data behind each of its intervals. A complete
interval ignores them, an incomplete one turns them into picture.
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
STRAY = "a stray marker stands within the picture's data"
WORDS = "This JPEG is slightly damaged: {fault}. The whole picture is there and shown, and the original is kept as it was sent."
MARKERS = re.compile(rb"\xff([^\x00\xff])")
FIRST_RESTART = 0xD0
FILLER = jpeg_scans.FILLER[:64]


@dataclass(frozen=True, slots=True)
class Repaired:
    """Bytes that any decoder takes for a whole JPEG, and what was wrong with the file."""

    content: bytes
    note: Note


def repaired(data: jpeg_scans.Data, size: tuple[int, int]) -> Repaired:
    """The file with its faults mended; `size` is what its picture is compared at.

    Raises Truncated or Broken when some of the picture is missing or wrong.
    """
    frame = jpeg_scans.frame(data)
    scans = list(jpeg_scans.scans(data))
    if frame is None or frame.is_lossless or not scans:
        raise errors.Broken
    last = scans[-1]
    if data[-1:] == END[:1] and data.find(END, last.start) < 0:
        raise errors.Truncated  # a camera leaves the whole marker out; half of one is the end of a copy that broke off
    stop, restarts = _end_of(data, last, frame)
    # Zeros decode as flat blocks, so a file that was made at its full size but not filled would look complete.
    stop = jpeg_scans.without_padding(data, last.start, stop)
    content = data[:stop] + END
    # Behind a complete interval nothing shows that the next ones are missing: so they are counted.
    has_all = restarts == frame.restarts(last) and not jpeg_scans.is_partial(scans, frame)
    if has_all and _same(content, data[:stop] + jpeg_scans.FILLER + END, size):
        return Repaired(content, _note(NO_END))
    if len(scans) > 1 or not frame.is_sequential:
        raise _damage(data, last.start)
    return _in_order(data, last, frame, size)


def lenient(data: jpeg_scans.Data) -> bytes:
    """The file without stray markers in its only scan, its restarts counted anew where none is missing: they hide most of it."""
    frame, scans = jpeg_scans.frame(data), list(jpeg_scans.scans(data))
    if frame is None or len(scans) != 1 or not frame.is_sequential:
        return bytes(data)
    start = scans[0].start
    parts = list(_intervals(data, start, _end(data, start)))
    if frame.restarts(scans[0]) != len(parts) - 1:
        return bytes(data)
    return data[:start] + _joined(parts) + END


def _in_order(data: jpeg_scans.Data, scan: jpeg_scans.Scan, frame: jpeg_scans.Frame, size: tuple[int, int]) -> Repaired:
    """Restarts counted anew and stray markers dropped, if that makes a whole picture."""
    start, stop = scan.start, _end(data, scan.start)
    parts = list(_intervals(data, start, stop))
    if frame.restarts(scan) != len(parts) - 1:
        raise _damage(data, start)
    head, fault = data[:start], STRAY if _has_stray(data, start, stop) else RESTARTS
    content = head + _joined(parts) + END
    if not _same(content, head + _joined(parts, FILLER) + END, size):
        raise _damage(data, start)
    # What a marker has overwritten is lost: the picture is whole only if every viewer shows it so.
    if fault == STRAY and not _same(content, data[:stop] + END, size):
        raise errors.Broken
    return Repaired(content, _note(fault))


def _damage(data: jpeg_scans.Data, start: int) -> errors.Refused:
    """Without an end marker it is the end that is missing."""
    return errors.Truncated() if data.find(END, start) < 0 else errors.Broken()


def _end_of(data: jpeg_scans.Data, scan: jpeg_scans.Scan, frame: jpeg_scans.Frame) -> tuple[int, int]:
    """Where the scan ends: at the first marker that cannot be a part of it; and how many restarts it has."""
    expected, seen = frame.restarts(scan), 0
    for found in MARKERS.finditer(data, scan.start):
        if seen == expected or found[1][0] != FIRST_RESTART + seen % 8:
            return found.start(), seen
        seen += 1
    return _without_fill(data), seen


def _end(data: jpeg_scans.Data, start: int) -> int:
    at = data.find(END, start)
    return jpeg_scans.without_padding(data, start, _without_fill(data)) if at < 0 else at


def _without_fill(data: jpeg_scans.Data) -> int:
    """Where a file ends that has lost the rest of a marker: a byte of ones belongs to the next one."""
    end = len(data)
    while end and data[end - 1] == 0xFF:
        end -= 1
    return end


def _intervals(data: jpeg_scans.Data, start: int, stop: int) -> Iterator[bytes]:
    """What lies between the restarts, without other markers."""
    part, at = b"", start
    for found in MARKERS.finditer(data, start, stop):
        part += data[at : found.start()]
        at = found.end()
        if found[1][0] in jpeg_scans.CYCLE:
            yield part
            part = b""
    yield part + data[at:stop]


def _has_stray(data: jpeg_scans.Data, start: int, stop: int) -> bool:
    return any(found[1][0] not in jpeg_scans.CYCLE for found in MARKERS.finditer(data, start, stop))


def _joined(parts: list[bytes], filler: bytes = b"") -> bytes:
    pieces = [part + filler for part in parts]
    return pieces[0] + b"".join(
        bytes((0xFF, FIRST_RESTART + number % 8)) + piece for number, piece in enumerate(pieces[1:])
    )


def _same(one: bytes, other: bytes, size: tuple[int, int]) -> bool:
    with _decoded(one, size) as a, _decoded(other, size) as b:
        return ImageChops.difference(a, b).getbbox() is None


def _decoded(content: bytes, size: tuple[int, int]) -> Image.Image:
    image = Image.open(BytesIO(content), formats=("JPEG",))
    image.draft("RGB", size)
    image.load()
    return image


def _note(fault: str) -> Note:
    return Note(CODE, WORDS.format(fault=fault))
