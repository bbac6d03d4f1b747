"""Signs of life of an intake that no other process can go on with: a plain form, or an import.

Its uploads are given up soon after the last one (`UploadQuerySet.abandoned`), so that a dead process locks no album for long.
They do not depend on bytes: a file may take a minute to be synced, or sent to the bucket.
"""

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, connection

from processing.models import Batch
from processing.uploads import lifecycle

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0


class Heartbeat:
    """A thread from begin() to end(). It stops when no byte came for UPLOAD_EXPIRY_SECONDS, should nobody hang up before."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._heard_at = time.monotonic()

    def begin(self, batch: Batch) -> None:
        self._thread = threading.Thread(target=self._beat, args=(batch.pk,), name="heartbeat", daemon=True)
        self._thread.start()

    def heard(self) -> None:
        """Bytes have come."""
        self._heard_at = time.monotonic()

    def end(self) -> None:
        """Repeating is harmless."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _beat(self, batch: int) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            if time.monotonic() - self._heard_at > settings.UPLOAD_EXPIRY_SECONDS:
                return
            try:
                lifecycle.keep_alive(batch)
            except DatabaseError:  # locked or away: it is asked again at the next beat
                log.warning("Batch %s gave no sign of life", batch, exc_info=True)
            finally:
                connection.close()
