"""Reading back what is stored of one photo, or of a companion, and noting what comes of it. Never changes or deletes a file."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from processing.integrity import file_check, findings
from processing.integrity.file_check import Kept, Passed
from processing.integrity.findings import Troubles
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage.errors import StorageTrouble

ASK_EVERY = 8 << 20


class Interrupted(Exception):
    """There is something better to do."""


class Attention:
    """Counts the bytes that are read, and looks up from them now and then. Raises Interrupted when there is something better."""

    def __init__(self, is_wanted_elsewhere: Callable[[], bool]) -> None:
        self.bytes = self._asked = 0
        self._is_wanted_elsewhere = is_wanted_elsewhere

    def passed(self, count: int) -> None:
        self.bytes += count
        if self.bytes - self._asked >= ASK_EVERY:
            self._asked = self.bytes
            if self._is_wanted_elsewhere():
                raise Interrupted


def read(kept: Kept, passed: Passed) -> bool:
    """Read all files of the photo, or the companion's: it is verified now, or has findings. False when another worker has it.

    When it is Interrupted, or the bucket is in trouble, it is as if it had never begun.
    """
    rows = type(kept)._default_manager
    mine = rows.filter(pk=kept.pk, checked_at=kept.checked_at)
    now = timezone.now()
    if not mine.update(checked_at=now):
        return False
    failpoints.reach(Point.READING_BACK)
    try:
        found = {
            wanted.key: trouble for wanted in file_check.of(kept) if (trouble := file_check.trouble(wanted, passed))
        }
    except (Interrupted, StorageTrouble):
        rows.filter(pk=kept.pk, checked_at=now).update(checked_at=kept.checked_at)
        raise
    _conclude(kept, found)
    return True


def _conclude(read: Kept, found: Troubles) -> None:
    """By the row as it is now: the photo may be gone, or its renditions have been made again under other keys."""
    with transaction.atomic():
        rows = type(read)._default_manager.filter(pk=read.pk)
        kept = rows.select_for_update().first()
        if kept is None:
            return
        keys = {wanted.key for wanted in file_check.of(kept)}
        still = {key: trouble for key, trouble in found.items() if key in keys}
        findings.note(kept, still)
        if not found:
            rows.update(verified_at=timezone.now())
