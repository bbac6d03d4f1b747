"""A TIFF seen as if its photo were its first page: decoders show the first one."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from processing.pipeline.containers import tiff_directory


class _Repaged(io.RawIOBase):
    """The same file with another beginning. libtiff reads by the file's number, and is told the page's place by Pillow."""

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
        at = self._file.tell()
        content = self._file.read(len(buffer))
        start = self._head[at : at + len(content)]
        buffer[: len(content)] = start + content[len(start) :]
        return len(content)


def at_photo(file: BinaryIO) -> BinaryIO:
    """The file itself where the photo is its first page, or has none. Raises as `tiff_directory.photo` does."""
    page, first = tiff_directory.photo(file), tiff_directory.first(file)
    if page is None or first is None or page.offset == first.offset:
        return file
    return cast(BinaryIO, _Repaged(file, tiff_directory.head(file, page)))
