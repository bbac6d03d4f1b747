"""The layout of random archives, compared with Python's zipfile."""

import io
import itertools
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Mapping
from datetime import datetime

import pytest

from albums.download.layout import Entry, Layout, Slice
from albums.download.names import UniqueNames

pytestmark = pytest.mark.once

GIB4 = 1 << 32
NAMES = [
    "IMG_1.jpg",
    "img_1.JPG",
    "写真.heic",
    "عكس.png",
    "Ünïcode ™.tif",
    "e\u0301te\u0301.jpg",
    "\xe9t\xe9.jpg",
    "🏖️.webp",
    "a/../b.jpg",
    "con.jpg",
    "no ending",
]
MOMENTS = [datetime(1826, 1, 1), datetime(1980, 1, 1), datetime(2024, 2, 29, 23, 59, 59), datetime(2200, 1, 1)]


def random_album(seed: int, count: int | None = None) -> tuple[Layout, dict[str, bytes], list[Entry]]:
    """Returns a layout, the bytes of its sources, and its entries."""
    chance = random.Random(seed)
    layout, sources, entries, names = Layout(), {}, [], UniqueNames()
    for number in range(chance.randrange(12) if count is None else count):
        content = chance.randbytes(chance.choice([0, 1, 7, 300]))
        (name,) = names.group([chance.choice(NAMES)])
        source = f"originals/{number}"
        entry = Entry(name, len(content), zlib.crc32(content), str(number), chance.choice(MOMENTS), source)
        sources[source] = content
        entries.append(entry)
        layout.append(entry)
    return layout, sources, entries


def read(layout: Layout, sources: Mapping[str, bytes], byte_range: range | None = None) -> bytes:
    parts = layout.slices(range(layout.size) if byte_range is None else byte_range)
    return b"".join(part if isinstance(part, bytes) else sources[part.source][part.start : part.stop] for part in parts)


class Sparse(io.RawIOBase):
    """An archive whose files consist of zeros, which are made when they are read."""

    def __init__(self, layout: Layout) -> None:
        self._layout, self._position = layout, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._layout.size}[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        stop = self._layout.size if size < 0 else min(self._layout.size, self._position + size)
        parts = self._layout.slices(range(self._position, stop))
        content = b"".join(bytes(part.stop - part.start) if isinstance(part, Slice) else part for part in parts)
        self._position += len(content)
        return content


def sparse_layout(sizes: list[int]) -> Layout:
    layout = Layout()
    for number, size in enumerate(sizes):
        layout.append(Entry(f"{number}.jpg", size, _crc32_of_zeros(size), "", MOMENTS[1], f"{number}"))
    return layout


def _crc32_of_zeros(size: int) -> int:
    """Any number for files that no test reads to their end."""
    return zlib.crc32(bytes(size)) if size < 10 else size % 1_000_003


def test_zipfile_reads_what_was_put_in_from_thousands_of_random_albums():
    for seed in range(3000):
        layout, sources, entries = random_album(seed)

        whole = read(layout, sources)

        assert len(whole) == layout.size
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            assert archive.testzip() is None
            assert [
                (info.filename, info.file_size, info.CRC, archive.read(info), info.flag_bits, info.compress_type)
                for info in archive.infolist()
            ] == [
                (entry.name, entry.size, entry.crc32, sources[entry.source], 1 << 11, zipfile.ZIP_STORED)
                for entry in entries
            ]


def test_zipfile_writes_the_same_records():
    """Everything but the version fields, which zipfile sets to the lowest that it needs for names."""
    layout, sources, entries = random_album(4, count=20)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for entry in entries:
            moment = min(max(entry.modified, datetime(1980, 1, 1)), datetime(2107, 12, 31, 23, 59, 58))
            info = zipfile.ZipInfo(entry.name, moment.timetuple()[:6])
            info.external_attr, info.create_system = 0o100644 << 16, 3
            info.flag_bits |= 1 << 11
            archive.writestr(info, sources[entry.source])

    own, expected = read(layout, sources), bytearray(written.getvalue())

    ascii_names = [offset for offset in range(len(own)) if own[offset] != expected[offset]]
    assert len(own) == len(expected)
    assert {(own[offset], expected[offset]) for offset in ascii_names} <= {(8, 0)}, "only flag 11 of ASCII names"


def test_every_range_of_random_albums_is_that_part_of_the_whole():
    for seed in range(40):
        layout, sources, _ = random_album(seed)
        whole, chance = read(layout, sources), random.Random(seed)
        bounds = [sorted(chance.choices(range(len(whole) + 1), k=2)) for _ in range(200)]
        for start, stop in [
            *bounds,
            (0, 1),
            (len(whole) - 1, len(whole)),
            *itertools.pairwise(range(0, len(whole), 9)),
        ]:
            assert read(layout, sources, range(start, stop)) == whole[start:stop]


def test_the_etag_depends_on_all_that_the_bytes_depend_on():
    entry = Entry("a.jpg", 5, 7, "checksum", MOMENTS[2], "originals/1")
    others = [
        Entry("b.jpg", 5, 7, "checksum", MOMENTS[2], "originals/1"),
        Entry("a.jpg", 6, 7, "checksum", MOMENTS[2], "originals/1"),
        Entry("a.jpg", 5, 8, "checksum", MOMENTS[2], "originals/1"),
        Entry("a.jpg", 5, 7, "another", MOMENTS[2], "originals/1"),
        Entry("a.jpg", 5, 7, "checksum", MOMENTS[1], "originals/1"),
    ]
    moved = Entry("a.jpg", 5, 7, "checksum", MOMENTS[2], "s3/originals/2")

    etags = {_etag(entry), *map(_etag, others), _etag(entry, entry), _etag()}

    assert len(etags) == 8
    assert _etag(moved) == _etag(entry)


def _etag(*entries: Entry) -> str:
    layout = Layout()
    for entry in entries:
        layout.append(entry)
    return layout.etag


@pytest.mark.parametrize(
    "albums",
    [
        [[GIB4 - 2, 1], [GIB4 - 1, 1], [GIB4, 1], [GIB4 + 1, 0, 3 * GIB4, 1]],
        [
            [GIB4 - margin, 5] for margin in range(30, 45)
        ],  # the second header begins near 4 GiB, and so does the directory
        [[1] * 65_534],
        [[1] * 65_535],
        [[1] * 65_536],
    ],
    ids=["sizes", "offsets", "65534 files", "65535 files", "65536 files"],
)
def test_zipfile_reads_archives_beyond_the_limits_of_plain_records(albums):
    for sizes in albums:
        with zipfile.ZipFile(Sparse(sparse_layout(sizes))) as archive:
            infos = archive.infolist()
            assert [(info.filename, info.file_size, info.compress_size, info.CRC) for info in infos] == [
                (f"{number}.jpg", size, size, _crc32_of_zeros(size)) for number, size in enumerate(sizes)
            ]
            for info in (infos[0], infos[-1]):
                with archive.open(info) as file:  # compares the name in the local header
                    assert file.read1(1) == bytes(min(info.file_size, 1))


def test_20_000_entries_take_a_bounded_amount_of_memory():
    tracemalloc.start()
    layout = Layout()
    for number in range(20_000):
        source = f"originals/ab/{number:032x}.jpg"
        layout.append(Entry(f"IMG_{number}.jpg", 5_000_000, number, "0" * 64, MOMENTS[2], source))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(layout), used < 4 << 20) == (20_000, True)
