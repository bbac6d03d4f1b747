"""Sends mails in a thread, so that no response waits for them or discloses by its duration that one was sent."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from django.conf import settings
from django.db import connection

log = logging.getLogger(__name__)

MAX_WAITING = 100
"""Maximum of waiting mails. More are dropped, so that a stalled mail server does not fill the memory."""

_sender = ThreadPoolExecutor(1, thread_name_prefix="mail")
_room = BoundedSemaphore(MAX_WAITING)


def is_possible() -> bool:
    """True if a mail server and PUBLIC_URL are set. Links need PUBLIC_URL, because the Host of a request cannot be trusted."""
    return bool(settings.EMAIL_URL and settings.PUBLIC_URL)


def submit(act: Callable[[], object]) -> None:
    """Runs `act` in the thread. Exceptions are logged: the response to the user must be the same in any case."""
    if not _room.acquire(blocking=False):
        log.error("E-mail dropped: %d others are waiting for the mail server", MAX_WAITING)
        return
    _sender.submit(_do, act)


def wait_until_sent() -> None:
    """Waits until all earlier calls are done."""
    _sender.submit(lambda: None).result()


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:  # the outermost function of the thread
        log.exception("E-mail could not be sent")
    finally:
        _room.release()
        connection.close()
