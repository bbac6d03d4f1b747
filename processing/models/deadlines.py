"""Deadlines kept in rows, read by a clock that may be set back meanwhile."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

SILENCE_SECONDS = 40
"""So long after its last sign of life (uploads/heartbeat.py) a process that takes files in counts as dead."""


def passed(field: str, span: float) -> Q:
    """Rows whose deadline, put `span` seconds ahead at most, has passed.

    One much further ahead was put by a clock that has been set back since; waiting for it could take for ever. The margin is
    for machines whose clocks differ.
    """
    now = timezone.now()
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + timedelta(seconds=2 * span)})
