"""How far the doctor goes: the probe answers within these bounds, and who measures asks for no more."""

from django.conf import settings

PREFERRED = 8 << 20
"""The part of a file that is sent at once where nothing forbids it. A part whose connection breaks is sent again as a whole."""
LARGEST = 64 << 20
"""No larger body is tried: every client of ours sends smaller ones."""
LEAST = 64 << 10
"""No smaller part is worth a request."""
MOST_WAIT_SECONDS = 20.0


def wait_seconds() -> float:
    """The longest silence that is tried: well within that after which we hang up ourselves."""
    return float(min(MOST_WAIT_SECONDS, settings.BODY_IDLE_SECONDS * 2 / 3))
