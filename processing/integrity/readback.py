"""Reads back the stored files of one photo or companion, and records the result. Never changes or deletes a file."""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.utils import timezone

from albums import key_columns
from processing.integrity import file_check, findings
from processing.integrity.file_check import CheckedFile, OnBytesRead, StoredItem
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage.storage_errors import StorageError

CHECK_EVERY_BYTES = 8 << 20


class Preempted(Exception):
    """The read-back was interrupted, because more important work is waiting."""


class PreemptionCheck:
    """Counts the bytes read, and checks for more important work every CHECK_EVERY_BYTES bytes. Raises Preempted if so."""

    def __init__(self, has_other_work: Callable[[], bool]) -> None:
        self.bytes = self._bytes_at_last_check = 0
        self._has_other_work = has_other_work

    def on_bytes_read(self, count: int) -> None:
        self.bytes += count
        if self.bytes - self._bytes_at_last_check >= CHECK_EVERY_BYTES:
            self._bytes_at_last_check = self.bytes
            if self._has_other_work():
                raise Preempted


def read(item: StoredItem, passed: OnBytesRead) -> bool:
    """Reads all files of a photo or companion, which is then verified or has findings. False if another worker is reading it.

    Raises Preempted and StorageError; then the row is as before.
    """
    rows = type(item)._default_manager
    own_row = rows.filter(pk=item.pk, checked_at=item.checked_at)
    now = timezone.now()
    if not own_row.update(checked_at=now):
        return False
    failpoints.reach(Point.READING_BACK)
    try:
        checked = {file.key: file_check.check(file, passed) for file in file_check.files(item)}
    except (Preempted, StorageError):
        rows.filter(pk=item.pk, checked_at=now).update(checked_at=item.checked_at)
        raise
    _record(item, checked)
    return True


def _record(item: StoredItem, checked: Mapping[str, CheckedFile]) -> None:
    """Records the result for the current row: the photo may be deleted, or its renditions may have new keys."""
    problems = {key: result.problem for key, result in checked.items() if result.problem}
    with transaction.atomic():
        rows = type(item)._default_manager.filter(pk=item.pk)
        current = rows.select_for_update().first()
        if current is None:
            return
        keys = {file.key for file in file_check.files(current)}
        current_problems = {key: problem for key, problem in problems.items() if key in keys}
        findings.record(current, current_problems)
        if not problems:
            rows.update(verified_at=timezone.now())
        _record_crc32(current, checked)


def _record_crc32(item: StoredItem, checked: Mapping[str, CheckedFile]) -> None:
    """Fills in the CRC-32 of files that have none yet. ZIP files need it before the bytes (albums/download/)."""
    for column in key_columns.of_items(type(item)):
        for row in column.loaded(item):
            result = checked.get(getattr(row, column.key))
            if result and result.crc32 is not None and getattr(row, column.crc32) is None:
                column.of_item(item).filter(pk=row.pk).update(**{column.crc32: result.crc32})
