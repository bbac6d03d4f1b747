"""Gauges of the machine: may we take more?"""

from django.conf import settings

from processing.storage import store


def disk_is_full(more: int = 0) -> bool:
    """Would `more` bytes bring the free space below the floor?"""
    free = store().free_bytes()
    return free is not None and free - more < settings.MIN_FREE_BYTES
