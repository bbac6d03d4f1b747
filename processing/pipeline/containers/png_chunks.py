"""The chunks of a PNG (PNG 3, section 5), their checksums, and what it says about itself behind its pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from processing.pipeline import errors
from processing.pipeline.picture import Note

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DESCRIBING = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")
MAX_DESCRIBING_BYTES = 4 * 1024 * 1024
"""Of one chunk, and of all that are read. XMP of an editor with a long history takes a few hundred kB."""
RAW_PROFILE = "Raw profile type exif"
PIXELS = {b"IDAT": 0, b"fdAT": 4}
"""Where in its chunks the packed pixels begin: a further frame's have a number in front (section 11.3.6)."""
NEW_FRAME, END = b"fcTL", b"IEND"
PIECE = 1 << 20
WRONG_CHECKSUM = Note(
    "slightly-damaged",
    "This PNG is slightly damaged: a checksum is wrong. The whole picture is there and shown, and the original is kept as it was "
    "sent.",
)


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset of the content, and its length, up to the end of the file."""
    at = len(SIGNATURE)
    while len(head := read(file, at, 8)) == 8:
        length = int.from_bytes(head[:4])
        yield head[4:], at + 8, length
        at += 12 + length


def read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def damage(file: BinaryIO) -> Note | None:
    """A note where a chunk's checksum is wrong. Raises Broken when that of the pixels is, too (Adler-32, RFC 1950).

    Pillow looks at neither. Whether all rows are there it notices itself.
    """
    if all(_is_right(file, kind, at, length) for kind, at, length in chunks(file) if kind in PIXELS):
        return None
    for stream in _streams(file):
        _check_stream(file, stream)
    return WRONG_CHECKSUM


def _is_right(file: BinaryIO, kind: bytes, at: int, length: int) -> bool:
    """True also of a chunk that the end of the file cuts."""
    checksum = zlib.crc32(kind)
    for piece in _pieces(file, at, length):
        checksum = zlib.crc32(piece, checksum)
    told = file.read(4)
    return len(told) < 4 or told == checksum.to_bytes(4)


def _streams(file: BinaryIO) -> Iterator[list[tuple[int, int]]]:
    """Of each frame, where its packed pixels lie."""
    stream: list[tuple[int, int]] = []
    for kind, at, length in chunks(file):
        if kind in PIXELS:
            stream.append((at + PIXELS[kind], length - PIXELS[kind]))
        elif kind in (NEW_FRAME, END) and stream:
            yield stream
            stream = []
        if kind == END:
            return
    if stream:
        yield stream


def _check_stream(file: BinaryIO, stream: list[tuple[int, int]]) -> None:
    unpacker = zlib.decompressobj()
    try:
        for at, length in stream:
            for piece in _pieces(file, at, length):
                unpacker.decompress(piece, PIECE)
                while unpacker.unconsumed_tail:
                    unpacker.decompress(unpacker.unconsumed_tail, PIECE)
    except zlib.error as error:
        raise errors.Broken from error
    if not unpacker.eof:
        raise errors.Broken


def _pieces(file: BinaryIO, at: int, length: int) -> Iterator[bytes]:
    file.seek(at)
    while length > 0 and (piece := file.read(min(length, PIECE))):
        yield piece
        length -= len(piece)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def read_description(image: Image.Image, file: BinaryIO) -> None:
    """Adds the EXIF and texts behind the pixels to `image.info`, with `exif` empty if there is none.

    Asked for its EXIF, a picture that has none in front of its pixels is decoded by Pillow as a whole, to get behind them.
    """
    # Broken texts raise anything, and are no reason to lose the photo.
    with suppress(Exception), Image.open(BytesIO(_one_pixel(b"".join(_describing(file)))), formats=("PNG",)) as small:
        for key, value in small.info.items():
            image.info.setdefault(key, value)
    image.info.setdefault("exif", _raw_profile(image.info.get(RAW_PROFILE)))


def _describing(file: BinaryIO) -> Iterator[bytes]:
    is_behind, left = False, MAX_DESCRIBING_BYTES
    for kind, at, length in chunks(file):
        is_behind = is_behind or kind == b"IDAT"
        if kind == b"IEND":
            return
        if is_behind and kind in DESCRIBING and length <= left:
            left -= length
            yield chunk(kind, read(file, at, length))


def _one_pixel(describing: bytes) -> bytes:
    head = struct.pack(">II5B", 1, 1, 8, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + describing + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def _raw_profile(text: object) -> bytes:
    """ImageMagick's way to store EXIF: a name, a length and hexadecimal digits, in lines."""
    try:
        return bytes.fromhex("".join(str(text).split("\n")[3:]))
    except ValueError:
        return b""
