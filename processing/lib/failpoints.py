"""Failpoints: places where a test kills this process, like a power cut. DARKROOM_FAULT selects one; off by default.

tests/faults/test_crash_points.py tests all of them.
"""

import os
import signal
from enum import StrEnum
from itertools import count

from django.conf import settings


class Point(StrEnum):
    BYTES_ARRIVE = "bytes-arrive"
    FILE_WRITTEN = "file-written"
    BEFORE_WAKEUP = "before-wakeup"
    CLAIMED = "claimed"
    BETWEEN_RENDITIONS = "between-renditions"
    BEFORE_PHOTO = "before-photo"
    BEFORE_BATCH_END = "before-batch-end"
    BEFORE_RENDITIONS = "before-renditions"
    BEFORE_DELETE = "before-delete"
    AFTER_DELETE = "after-delete"
    READING_BACK = "reading-back"
    ROWS_GOING = "rows-going"
    PARTS_BEGUN = "parts-begun"
    PARTS_LISTED = "parts-listed"
    PARTS_JOINED = "parts-joined"
    BACKING_UP = "backing-up"
    RESTORING = "restoring"
    MOVING = "moving"
    MOVED = "moved"
    COPYING = "copying"
    COPIED = "copied"
    PHOTOS_MOVING = "photos-moving"
    PHOTOS_TURNING = "photos-turning"


_passes = count(1)


def reach(point: Point) -> None:
    """Sends SIGKILL to this process if DARKROOM_FAULT is this point's name; with `name:3`, on the third pass."""
    name, _, nth = settings.FAULT.partition(":")
    if name == point and next(_passes) == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
