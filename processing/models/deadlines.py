"""Conditions on deadlines in rows, which stay correct when the clock is set back."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from processing.lib import backoff

SILENCE_SECONDS = 40
"""A process that receives files counts as dead this long after its last heartbeat (uploads/heartbeat.py)."""


def passed(field: str, span: float) -> Q:
    """A condition for rows with a passed deadline. Deadlines are set at most `span` seconds ahead.

    A deadline more than twice `span` ahead also counts as passed: it was set before the clock was set back, and could take years
    to pass. The factor of two allows for clock differences between machines.
    """
    now = timezone.now()
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + timedelta(seconds=2 * span)})


def retry_passed() -> Q:
    """A condition for rows that do not wait for a retry: jobs and photos to be rendered again."""
    return passed("run_after", backoff.longest(settings.BACKOFF_MAX_SECONDS))
