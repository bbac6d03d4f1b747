"""Mails, sent by a thread of the web server: no page waits for a mail server, and none tells by its time whether it sent any."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from django.conf import settings
from django.db import connection

log = logging.getLogger(__name__)

AT_MOST = 100
"""Wait at once. More are dropped: a mail server that hangs shall not fill the memory."""

_sender = ThreadPoolExecutor(1, thread_name_prefix="mail")
_room = BoundedSemaphore(AT_MOST)


def is_possible() -> bool:
    """Is there a mail server, and an address of this site that links may lead to? A request's own Host may be anybody's."""
    return bool(settings.EMAIL_URL and settings.PUBLIC_URL)


def later(act: Callable[[], object]) -> None:
    """Has `act` done by the thread. What it raises is logged: whoever asked is told the same in any case."""
    if not _room.acquire(blocking=False):
        log.error("A mail was dropped: %d others are waiting for the mail server", AT_MOST)
        return
    _sender.submit(_do, act)


def wait() -> None:
    """Until all that was asked for before is done."""
    _sender.submit(lambda: None).result()


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:  # the thread's edge
        log.exception("A mail could not be sent")
    finally:
        _room.release()
        connection.close()
