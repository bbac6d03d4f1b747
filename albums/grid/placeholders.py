"""Placeholders of tiles as short as possible: a page has a hundred of them."""

import base64
import binascii

DATA_URI = "data:image/webp;base64,"
START_CODE = b"\x9d\x01\x2a"


def shorten(placeholder: str) -> str:
    """Returns the placeholder without what is the same in every lossy WebP; static/js/grid/placeholders.js restores it.

    Other WebPs, such as those with transparency, are returned in full, without the data URI's prefix.
    """
    encoded = placeholder.removeprefix(DATA_URI)
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return ""
    frame = data[20 : 20 + int.from_bytes(data[16:20], "little")]
    if data[12:16] != b"VP8 " or frame[3:6] != START_CODE:
        return encoded
    return base64.b64encode(frame[:3] + frame[6:]).rstrip(b"=").decode()
