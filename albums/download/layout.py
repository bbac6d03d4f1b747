"""The bytes of a ZIP file as a pure function of its entries: its size, its ETag, and what is in any range of it."""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from albums.download import zip_records


class Entry(NamedTuple):
    """A file of the archive. `source` says where its bytes are; `modified` is a local time."""

    name: str
    size: int
    crc32: int
    sha256: str
    modified: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Slice:
    """The bytes from `start` to `stop` of a source."""

    source: str
    start: int
    stop: int


class Layout:
    """The places of all entries, packed in about 120 bytes for each: an archive may have 100,000."""

    def __init__(self) -> None:
        self._offsets, self._sizes = array("Q"), array("Q")
        self._checksums, self._times = array("I"), array("I")
        self._texts, self._text_ends = bytearray(), array("Q", [0])
        """Name and source of each entry, one after the other, and where each of them ends."""
        self._directory_offset = self._directory_size = 0
        self._digest = hashlib.sha256()

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def size(self) -> int:
        return self._directory_offset + self._directory_size + len(self._end())

    @property
    def etag(self) -> str:
        """A strong entity tag: SHA-256 of all headers and of the SHA-256 of all files, so different bytes have another one."""
        return f'"{self._digest.hexdigest()}"'

    def append(self, entry: Entry) -> None:
        name, size, time = entry.name.encode(), entry.size, zip_records.dos_time(entry.modified)
        header = zip_records.local_header(name, size, entry.crc32, time)
        self._directory_size += zip_records.central_size(name, size, self._directory_offset)
        self._offsets.append(self._directory_offset)
        self._sizes.append(size)
        self._checksums.append(entry.crc32)
        self._times.append(time)
        for text in (name, entry.source.encode()):
            self._texts += text
            self._text_ends.append(len(self._texts))
        self._directory_offset += len(header) + size
        self._digest.update(header + entry.sha256.encode())

    def slices(self, byte_range: range) -> Iterator[bytes | Slice]:
        """Yields what the range consists of: bytes of headers, and slices of sources."""
        for offset, part in self._parts(byte_range):
            length = len(part) if isinstance(part, bytes) else part.stop
            start, stop = max(byte_range.start - offset, 0), min(byte_range.stop - offset, length)
            if start < stop:
                yield part[start:stop] if isinstance(part, bytes) else Slice(part.source, start, stop)

    def _parts(self, byte_range: range) -> Iterator[tuple[int, bytes | Slice]]:
        """Yields all parts that overlap the range, and perhaps some that do not, with their offsets."""
        for index in range(max(bisect_right(self._offsets, byte_range.start) - 1, 0), len(self)):
            offset = self._offsets[index]
            if offset >= byte_range.stop:
                return
            header = self._local_header(index)
            yield offset, header
            yield offset + len(header), Slice(self._text(2 * index + 1).decode(), 0, self._sizes[index])
        offset = self._directory_offset
        for index in range(len(self)):
            if offset >= byte_range.stop:
                return
            record = self._central_header(index)
            yield offset, record
            offset += len(record)
        yield offset, self._end()

    def _local_header(self, index: int) -> bytes:
        return zip_records.local_header(*self._fields(index))

    def _central_header(self, index: int) -> bytes:
        return zip_records.central_header(*self._fields(index), self._offsets[index])

    def _fields(self, index: int) -> tuple[bytes, int, int, int]:
        return self._text(2 * index), self._sizes[index], self._checksums[index], self._times[index]

    def _end(self) -> bytes:
        return zip_records.end(len(self), self._directory_size, self._directory_offset)

    def _text(self, number: int) -> bytes:
        return bytes(self._texts[self._text_ends[number] : self._text_ends[number + 1]])
