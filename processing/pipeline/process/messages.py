"""Messages between a process and its child: four bytes of length, then that much JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("!I")
MAX_BYTES = 1024 * 1024

Message = dict[str, Any]


class InvalidMessage(Exception):
    """The received bytes are not a valid message. The process that sent them must not be trusted any more."""


def encode(message: Message) -> bytes:
    body = json.dumps(message, allow_nan=False).encode()
    return LENGTH.pack(len(body)) + body


def read_message(read: Callable[[int], bytes]) -> Message | None:
    """The next message, or None at the end of the stream. `read(n)` returns n bytes, or fewer at the end."""
    head = read(LENGTH.size)
    if not head:
        return None
    if len(head) < LENGTH.size:
        raise InvalidMessage
    (length,) = LENGTH.unpack(head)
    if length > MAX_BYTES:
        raise InvalidMessage
    return _parsed(read(length), length)


def _parsed(body: bytes, length: int) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage from error
    if len(body) < length or not isinstance(message, dict):
        raise InvalidMessage
    return message
