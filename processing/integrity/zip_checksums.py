"""Reads files whose CRC-32 a download needs. Registered as the reader of `albums/download/readiness.py`."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from albums.models import Companion, Photo
from processing.integrity import readback
from processing.integrity.file_check import StoredItem
from processing.jobs import periodic, wakeup, workers
from processing.models import Finding
from processing.storage.storage_errors import StorageError

log = logging.getLogger(__name__)

SLICE_SECONDS, ROUND_SECONDS = 2.0, 4.0
"""A worker reads for one slice in each round, so that jobs get half of its time. Nothing is read after the user has left."""


def damaged_keys() -> QuerySet[Any]:
    return Finding.objects.order_by().values("key")


def read_now(photo_ids: Sequence[int], companion_ids: Sequence[int]) -> None:
    """Raises StorageError if the bucket cannot be read."""
    for item in _items(photo_ids, companion_ids):
        readback.read(item, lambda _: None)


def read_soon(photo_ids: Sequence[int], companion_ids: Sequence[int]) -> None:
    if periodic.acquire("zip_checksums", ROUND_SECONDS):
        wakeup.send_for_checksums(json.dumps([photo_ids, companion_ids]))


def has_worker() -> bool:
    return workers.running().exists()


def read_slice(ids: str) -> None:
    """Reads some of the items in a message of `read_soon`, at least one of them."""
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        for item in _items(*json.loads(ids)):
            readback.read(item, lambda _: None)
            if time.monotonic() >= deadline:
                break
    except StorageError as error:  # the user's page asks again
        log.warning("Can't read files for a download: %s", error)


def _items(photo_ids: Sequence[int], companion_ids: Sequence[int]) -> Iterator[StoredItem]:
    """Yields the rows that still exist, each as it is now."""
    for pk in photo_ids:
        yield from Photo.objects.filter(pk=pk)
    for pk in companion_ids:
        yield from Companion.objects.filter(pk=pk)
