"""The records of a ZIP file: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5. All entries are stored without compression."""

import struct
from datetime import datetime

STORED = 0
UTF8_NAME = 1 << 11
MADE_ON_UNIX = 3 << 8
REGULAR_FILE = 0o100644 << 16
"""The external attributes: the file mode in the upper 16 bits."""
PLAIN, ZIP64 = 20, 45
"""Versions needed to extract, times ten."""
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
"""A field with this value refers to the ZIP64 record."""
ZIP64_EXTRA = 1
FIRST_TIME, LAST_TIME = datetime(1980, 1, 1), datetime(2107, 12, 31, 23, 59, 58)

LOCAL_HEADER = struct.Struct("<4sHHHLLLLHH")
CENTRAL_HEADER = struct.Struct("<4sHHHHLLLLHHHHHLL")
END = struct.Struct("<4sHHHHLLH")
ZIP64_HEAD = struct.Struct("<HH")
ZIP64_END = struct.Struct("<4sQHHLLQQQQ")
ZIP64_LOCATOR = struct.Struct("<4sLQL")


def dos_time(moment: datetime) -> int:
    """Returns date and time as 32 bits with a resolution of two seconds, from 1980 to 2107. Ignores the time zone."""
    if not 1980 <= moment.year <= 2107:
        moment = FIRST_TIME if moment.year < 1980 else LAST_TIME
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    return date << 16 | moment.hour << 11 | moment.minute << 5 | moment.second // 2


def local_header(name: bytes, size: int, crc32: int, time: int) -> bytes:
    """Returns the header before the bytes of a file. `time` is that of dos_time()."""
    extra = _zip64_extra(size, size) if size >= FULL_32 else b""
    version = ZIP64 if extra else PLAIN
    field = min(size, FULL_32)
    head = (b"PK\3\4", version, UTF8_NAME, STORED, time, crc32, field, field, len(name), len(extra))
    return LOCAL_HEADER.pack(*head) + name + extra


def central_header(name: bytes, size: int, crc32: int, time: int, offset: int) -> bytes:
    """Returns the file's record in the central directory. `offset` is that of its local header."""
    large = [size, size] if size >= FULL_32 else []
    extra = _zip64_extra(*large, *([offset] if offset >= FULL_32 else []))
    version = ZIP64 if extra else PLAIN
    field = min(size, FULL_32)
    head = (b"PK\1\2", MADE_ON_UNIX | version, version, UTF8_NAME, STORED, time, crc32, field, field, len(name))
    tail = (len(extra), 0, 0, 0, REGULAR_FILE, min(offset, FULL_32))
    return CENTRAL_HEADER.pack(*head, *tail) + name + extra


def central_size(name: bytes, size: int, offset: int) -> int:
    """Returns the length of the record that `central_header` returns."""
    large = 2 * (size >= FULL_32) + (offset >= FULL_32)
    return CENTRAL_HEADER.size + len(name) + (ZIP64_HEAD.size + 8 * large if large else 0)


def end(count: int, directory_size: int, directory_offset: int) -> bytes:
    """Returns the records at the end of the archive."""
    fields = (min(count, FULL_16),) * 2 + (min(directory_size, FULL_32), min(directory_offset, FULL_32))
    last = END.pack(b"PK\5\6", 0, 0, *fields, 0)
    if FULL_16 not in fields and FULL_32 not in fields:
        return last
    version = (MADE_ON_UNIX | ZIP64, ZIP64)
    sizes = (count, count, directory_size, directory_offset)
    zip64 = ZIP64_END.pack(b"PK\6\6", ZIP64_END.size - 12, *version, 0, 0, *sizes)
    return zip64 + ZIP64_LOCATOR.pack(b"PK\6\7", 0, directory_offset + directory_size, 1) + last


def _zip64_extra(*values: int) -> bytes:
    if not values:
        return b""
    return ZIP64_HEAD.pack(ZIP64_EXTRA, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)
