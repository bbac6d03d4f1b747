"""Messages between a process and its child: four bytes of length, then that much JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("!I")
MOST_BYTES = 1024 * 1024

Message = dict[str, Any]


class Garbled(Exception):
    """The received bytes are not a valid message. The process that sent them must not be trusted any more."""


def packed(message: Message) -> bytes:
    body = json.dumps(message, allow_nan=False).encode()
    return LENGTH.pack(len(body)) + body


def unpacked(read: Callable[[int], bytes]) -> Message | None:
    """The next message, or None at the end of the stream. `read(n)` returns n bytes, or fewer at the end."""
    head = read(LENGTH.size)
    if not head:
        return None
    if len(head) < LENGTH.size:
        raise Garbled
    (length,) = LENGTH.unpack(head)
    if length > MOST_BYTES:
        raise Garbled
    return _parsed(read(length), length)


def _parsed(body: bytes, length: int) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Garbled from error
    if len(body) < length or not isinstance(message, dict):
        raise Garbled
    return message
