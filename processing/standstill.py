"""A worker's patience while the server is short of something: work goes on by itself, and promptly, when that ends."""

import logging
import time

from processing import bell
from processing.models import ProcessingJob
from processing.pressure import Shortage

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""How long one bell waits. Not longer: the sweep waits behind it, and so does who wants to end the worker."""

_told: Shortage | None = None


def wait(shortage: Shortage) -> None:
    """Hold a bell for a moment and pass it on, if anything is due. As many bells as before ring when it is over."""
    global _told
    due = ProcessingJob.objects.due().values_list("pk", flat=True).first()
    if due is None:
        return
    if shortage != _told:
        log.warning("Nothing is developed now. %s", shortage.work)
        _told = shortage
    time.sleep(PAUSE_SECONDS)
    bell.ring(due)


def end() -> None:
    global _told
    if _told:
        log.warning("Developing goes on.")
        _told = None
