"""Heartbeats of a form or import: no other process can continue its uploads.

Uploads without a heartbeat expire soon (`UploadQuerySet.abandoned`), so that a dead process does not lock its album for long.
Heartbeats do not depend on received bytes: syncing a file, or sending it to the bucket, may take a minute.
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
    """A thread from begin() to end(). It also stops when no byte arrived for UPLOAD_EXPIRY_SECONDS."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_byte_at = time.monotonic()

    def begin(self, batch: Batch) -> None:
        self._thread = threading.Thread(target=self._run, args=(batch.pk,), name="heartbeat", daemon=True)
        self._thread.start()

    def received(self) -> None:
        """Records that bytes have arrived."""
        self._last_byte_at = time.monotonic()

    def end(self) -> None:
        """Stops the thread and waits for it. Idempotent."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _run(self, batch_id: int) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            if time.monotonic() - self._last_byte_at > settings.UPLOAD_EXPIRY_SECONDS:
                return
            try:
                lifecycle.keep_alive(batch_id)
            except DatabaseError:  # locked or unavailable: retried at the next beat
                log.warning("The heartbeat of batch %s failed", batch_id, exc_info=True)
            finally:
                connection.close()
