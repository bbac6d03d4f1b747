"""The signed ticket by which the probe recognises the server's own requests.

A session would give the measured address access to the albums. A ticket only gives access to the probe, for a few minutes.
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
