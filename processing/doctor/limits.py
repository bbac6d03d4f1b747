"""The limits of the doctor's measurements. The probe enforces them, and the doctor's requests stay within them."""

from django.conf import settings

DEFAULT_CHUNK_BYTES = 8 << 20
"""The default chunk size of uploads. After a connection error, the whole chunk is sent again."""
MAX_BODY_BYTES = 64 << 20
"""The largest body that is tried: all clients of Darkroom send smaller ones."""
MIN_CHUNK_BYTES = 64 << 10
"""The smallest useful chunk size."""
MAX_PAUSE_SECONDS = 20.0


def wait_seconds() -> float:
    """Returns the longest pause that is tried, well below Darkroom's own timeout."""
    return float(min(MAX_PAUSE_SECONDS, settings.BODY_IDLE_SECONDS * 2 / 3))
