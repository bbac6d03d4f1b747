"""Whether an archive can be computed: no file may be damaged, and the CRC-32 of each has to be known.

New files are read back soon after they are stored, which fills in their CRC-32; older ones by the background check. What a
download needs before that is read here: at once if it is little, otherwise by a worker while the user waits. `processing`
registers how (register()), because this package knows neither files' problems nor the queue.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from django.db.models import QuerySet

from albums.download.scope import Files, Scope, Total, total

MAX_BYTES_AT_ONCE, MAX_FILES_AT_ONCE = 32 << 20, 50
"""What a request reads itself: about half a second on a hard disk."""
ITEMS_AT_A_TIME = 200
"""Photos or companions that a worker is asked to read at a time. The page that waits asks again."""
MAX_NAMES = 20


class Reader(Protocol):
    """What reads stored files and knows which of them are damaged."""

    def damaged_keys(self) -> QuerySet[Any]:
        """The keys of damaged and missing files, as a subquery."""

    def read_now(self, photo_ids: Sequence[int], companion_ids: Sequence[int]) -> None:
        """Reads the files of these rows and fills in their CRC-32. Damaged files have damaged keys afterwards."""

    def read_soon(self, photo_ids: Sequence[int], companion_ids: Sequence[int]) -> None:
        """Makes a worker do the same. Harmless if it is called often."""

    def has_worker(self) -> bool:
        """True if a worker is running."""


class FilesDamaged(Exception):
    """Files of the archive are damaged or missing in storage. `names`: some of them."""

    def __init__(self, count: int, names: list[str]) -> None:
        super().__init__(f"{count} files are damaged or missing")
        self.count, self.names = count, names


class NotReady(Exception):
    """A worker has to read files first."""

    def __init__(self, unread: Total) -> None:
        super().__init__(f"{unread.files} files have to be read first")
        self.unread = unread


_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """Sets the reader. There is one; a later call replaces it."""
    _readers[:] = [reader]


def prepare(scope: Scope) -> None:
    """Returns if the archive can be computed. Raises FilesDamaged or NotReady; calling it again continues to prepare.

    Runs a constant number of queries.
    """
    _ensure_intact(scope)
    unread = [files.unread() for files in scope.files()]
    unread_totals = total(unread)
    if not unread_totals.files:
        return
    photo_ids, companion_ids = _items(unread)
    if unread_totals.bytes > MAX_BYTES_AT_ONCE or unread_totals.files > MAX_FILES_AT_ONCE:
        _readers[0].read_soon(photo_ids, companion_ids)
        raise NotReady(unread_totals)
    _readers[0].read_now(photo_ids, companion_ids)
    _ensure_intact(scope)
    if (unread_totals := total(unread)).files:  # a worker is reading them
        raise NotReady(unread_totals)


def has_worker() -> bool:
    """True if a worker is running. Without one, a download that is not ready stays so."""
    return _readers[0].has_worker()


def without_damaged(scope: Scope) -> Scope:
    """Returns the scope without damaged and missing files."""
    return replace(scope, left_out=_readers[0].damaged_keys())


def _ensure_intact(scope: Scope) -> None:
    damaged = [files.having(_readers[0].damaged_keys()) for files in scope.files()]
    if count := total(damaged).files:
        names = [name for files in damaged for name in files.rows.values_list(files.name, flat=True)[:MAX_NAMES]]
        raise FilesDamaged(count, names[:MAX_NAMES])


def _items(unread: Sequence[Files]) -> tuple[list[int], list[int]]:
    """Returns the ids of some photos and companions with unread files."""
    photo_ids: list[int] = []
    companion_ids: list[int] = []
    for files in unread:
        ids = list(files.rows.order_by("pk").values_list(files.item, flat=True)[:ITEMS_AT_A_TIME])
        (companion_ids if files.is_of_companions else photo_ids).extend(ids)
    return photo_ids, companion_ids
