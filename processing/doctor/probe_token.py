"""How the server knows its own measurements at its door: whoever can sign as the server may probe it, and nothing else.

A session would open the albums to whatever address is measured; a ticket opens the probe alone, for a few minutes.
"""

from django.core import signing

HEADER = "X-Darkroom-Ticket"
GOOD_FOR_SECONDS = 300
_SALT = "processing.doctor"


def issue() -> str:
    return signing.TimestampSigner(salt=_SALT).sign("probe")


def is_valid(ticket: str) -> bool:
    try:
        return signing.TimestampSigner(salt=_SALT).unsign(ticket, max_age=GOOD_FOR_SECONDS) == "probe"
    except signing.BadSignature:
        return False
