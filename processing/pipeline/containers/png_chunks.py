"""Reads the chunks of a PNG (PNG 3, section 5), checks their checksums, and reads metadata after the pixels."""

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
METADATA_CHUNKS = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")
MAX_METADATA_BYTES = 4 * 1024 * 1024
"""The limit for one chunk and for all metadata chunks together. XMP with a long editing history takes a few hundred kB."""
RAW_PROFILE = "Raw profile type exif"
PIXELS_OFFSET = {b"IDAT": 0, b"fdAT": 4}
"""The offset of the compressed pixels in each type of chunk: `fdAT` begins with a sequence number (section 11.3.6)."""
FRAME_CONTROL, END = b"fcTL", b"IEND"
BLOCK_BYTES = 1 << 20
WRONG_CHECKSUM = Note(
    "slightly-damaged",
    "This PNG is slightly damaged: a checksum is wrong. The whole picture is shown; the original is stored as uploaded.",
)


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset of the content, and length of each chunk up to the end of the file."""
    offset = len(SIGNATURE)
    while len(head := read(file, offset, 8)) == 8:
        length = int.from_bytes(head[:4])
        yield head[4:], offset + 8, length
        offset += 12 + length


def read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def checksum_note(file: BinaryIO) -> Note | None:
    """A note if the checksum of a pixel chunk is wrong. Raises Broken if zlib's checksum (Adler-32, RFC 1950) is wrong too.

    Pillow checks neither. Missing rows are detected by Pillow.
    """
    if all(
        _has_valid_checksum(file, kind, offset, length)
        for kind, offset, length in chunks(file)
        if kind in PIXELS_OFFSET
    ):
        return None
    for stream in _streams(file):
        _check_stream(file, stream)
    return WRONG_CHECKSUM


def _has_valid_checksum(file: BinaryIO, kind: bytes, offset: int, length: int) -> bool:
    """True if the checksum is correct, or missing because the file ends within the chunk."""
    checksum = zlib.crc32(kind)
    for block in _blocks(file, offset, length):
        checksum = zlib.crc32(block, checksum)
    stored = file.read(4)
    return len(stored) < 4 or stored == checksum.to_bytes(4)


def _streams(file: BinaryIO) -> Iterator[list[tuple[int, int]]]:
    """Offsets and lengths of the compressed pixels of each frame."""
    stream: list[tuple[int, int]] = []
    for kind, offset, length in chunks(file):
        if kind in PIXELS_OFFSET:
            stream.append((offset + PIXELS_OFFSET[kind], length - PIXELS_OFFSET[kind]))
        elif kind in (FRAME_CONTROL, END) and stream:
            yield stream
            stream = []
        if kind == END:
            return
    if stream:
        yield stream


def _check_stream(file: BinaryIO, stream: list[tuple[int, int]]) -> None:
    unpacker = zlib.decompressobj()
    try:
        for offset, length in stream:
            for block in _blocks(file, offset, length):
                unpacker.decompress(block, BLOCK_BYTES)
                while unpacker.unconsumed_tail:
                    unpacker.decompress(unpacker.unconsumed_tail, BLOCK_BYTES)
    except zlib.error as error:
        raise errors.Broken from error
    if not unpacker.eof:
        raise errors.Broken


def _blocks(file: BinaryIO, offset: int, length: int) -> Iterator[bytes]:
    file.seek(offset)
    while length > 0 and (block := file.read(min(length, BLOCK_BYTES))):
        yield block
        length -= len(block)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def read_description(image: Image.Image, file: BinaryIO) -> None:
    """Adds the EXIF and texts after the pixels to `image.info`. Sets `exif` to b"" if the file has none.

    Without this, Pillow's `getexif()` decodes the whole picture if no EXIF precedes the pixels.
    """
    # Damaged texts can raise any exception and must not make the photo fail.
    with (
        suppress(Exception),
        Image.open(BytesIO(_tiny_png(b"".join(_metadata_chunks(file)))), formats=("PNG",)) as small,
    ):
        for key, value in small.info.items():
            image.info.setdefault(key, value)
    image.info.setdefault("exif", _raw_profile(image.info.get(RAW_PROFILE)))


def _metadata_chunks(file: BinaryIO) -> Iterator[bytes]:
    is_after_pixels, remaining_bytes = False, MAX_METADATA_BYTES
    for kind, offset, length in chunks(file):
        is_after_pixels = is_after_pixels or kind == b"IDAT"
        if kind == b"IEND":
            return
        if is_after_pixels and kind in METADATA_CHUNKS and length <= remaining_bytes:
            remaining_bytes -= length
            yield chunk(kind, read(file, offset, length))


def _tiny_png(metadata: bytes) -> bytes:
    head = struct.pack(">II5B", 1, 1, 8, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + metadata + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def _raw_profile(text: object) -> bytes:
    """EXIF as ImageMagick stores it: lines with a name, a length and hexadecimal digits."""
    try:
        return bytes.fromhex("".join(str(text).split("\n")[3:]))
    except ValueError:
        return b""
