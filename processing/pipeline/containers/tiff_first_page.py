"""Presents a TIFF to decoders, which read the first page, as if its photo were the first page."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from PIL import Image, TiffImagePlugin

from processing.pipeline.containers import tiff_directory

# Pillow 13 looks for BigTIFF's version in the third byte, also if the bytes are in the other order.
BIG_ENDIAN_BIG_TIFF, AS_PILLOW_READS_IT = b"MM\x00+", b"MM+\x00"
TiffImagePlugin.PREFIXES.append(AS_PILLOW_READS_IT)


class _BigEndianExif(Image.Exif):
    """The EXIF of a BigTIFF with the head that Pillow reads. Without it, orientation and metadata are lost."""

    def _get_head(self) -> bytes:
        return AS_PILLOW_READS_IT + super()._get_head()[4:]


class _Repaged(io.RawIOBase):
    """The same file with another head. libtiff reads the original by its file descriptor, with the page's offset from Pillow."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file, self._head = file, head

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: Any) -> int:
        offset = self._file.tell()
        content = self._file.read(len(buffer))
        head = self._head[offset : offset + len(content)]
        buffer[: len(content)] = head + content[len(head) :]
        return len(content)


def make_exif_readable(image: Image.Image) -> None:
    """Makes Pillow read the EXIF of a just opened BigTIFF whose bytes are big-endian."""
    directory = getattr(image, "tag_v2", None)
    if directory is not None and directory._bigtiff and directory._endian == ">":
        image._exif = _BigEndianExif()


def at_photo(file: BinaryIO) -> BinaryIO:
    """The file with its photo as first page and a head that Pillow reads; the file itself if it needs neither or has no photo.

    Raises the same exceptions as `tiff_directory.photo`.
    """
    page, first = tiff_directory.photo(file), tiff_directory.first_page(file)
    if page is None or first is None:
        return file
    head = tiff_directory.head(file, page)
    is_misread = head.startswith(BIG_ENDIAN_BIG_TIFF)
    if page.offset == first.offset and not is_misread:
        return file
    return cast(BinaryIO, _Repaged(file, AS_PILLOW_READS_IT + head[4:] if is_misread else head))
