"""Keeps the layouts of recent archives: without them, each request for another range would compute the whole layout again.

A layout is used again only if all rows from which it was computed are the same. Comparing them takes a third of the time.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import islice
from threading import Lock

from albums.download import contents
from albums.download.contents import Row
from albums.download.layout import Layout
from albums.download.scope import Scope

MAX_ENTRIES = 150_000
"""Entries of all layouts that a process keeps, about 20 MB. A larger layout is not kept."""
MIN_ENTRIES = 500
"""A smaller layout is not kept: it is computed in a few milliseconds."""
ROWS_PER_HASH = 500

_kept: OrderedDict[str, tuple[bytes, Layout]] = OrderedDict()
"""Checksums of rows and their layouts, by the statements that read the rows. The first was unused for the longest time."""
_lock = Lock()


def layout(scope: Scope) -> Layout:
    """Returns the layout of the scope's stored files as they are now. Raises ChecksumMissing."""
    statements = _statements(scope)
    with _lock:
        checksum, kept = _kept.get(statements, (b"", None))
    if kept is None or checksum != _checksum(scope):
        checksum, kept = _compute(scope)
    with _lock:
        _kept.pop(statements, None)
        if MIN_ENTRIES <= len(kept) <= MAX_ENTRIES:
            _kept[statements] = checksum, kept
        while sum(len(each) for _, each in _kept.values()) > MAX_ENTRIES:
            _kept.popitem(last=False)
    return kept


def forget() -> None:
    """Forgets all layouts."""
    with _lock:
        _kept.clear()


def _statements(scope: Scope) -> str:
    """Returns what distinguishes the rows of this scope from those of others: the statements with their parameters."""
    statements = [str(files.rows.query.sql_with_params()) for files in scope.files()]
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def _compute(scope: Scope) -> tuple[bytes, Layout]:
    digest, computed = hashlib.sha256(), Layout()
    for entry in contents.entries(_hashed(contents.rows(scope), digest)):
        computed.append(entry)
    return digest.digest(), computed


def _checksum(scope: Scope) -> bytes:
    """Returns the checksum of the rows as they are now."""
    digest = hashlib.sha256()
    deque(_hashed(contents.rows(scope), digest), maxlen=0)
    return digest.digest()


def _hashed(rows: Iterator[Row], digest: "hashlib._Hash") -> Iterator[Row]:
    """Yields the rows, and adds them to the digest."""
    while some := list(islice(rows, ROWS_PER_HASH)):
        digest.update(repr([tuple(row) for row in some]).encode())
        yield from some
