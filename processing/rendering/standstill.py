"""A worker's patience while it may not work: it goes on by itself, and promptly, when that ends."""

import logging
import time

from processing.jobs import wakeup
from processing.models import ProcessingJob

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""How long one bell waits. Not longer: the sweep waits behind it, and so does who wants to end the worker."""

_told: str | None = None


def wait(why: str) -> None:
    """Hold a bell for a moment and pass it on, if anything is due. As many bells as before ring when it is over."""
    global _told
    due = ProcessingJob.objects.due().values_list("pk", flat=True).first()
    if due is None:
        return
    if why != _told:
        log.warning("Nothing is developed now. %s", why)
        _told = why
    time.sleep(PAUSE_SECONDS)
    wakeup.ring(due)


def end() -> None:
    global _told
    if _told:
        log.warning("Developing goes on.")
        _told = None
