"""Detects the end of a chunked body (RFC 9112, section 7.1) without decoding it; gunicorn decodes the complete body."""

LINE_BYTES = 4 << 10
TRAILER_BYTES = 8 << 10
OVERHEAD_BYTES = 64 << 10
MAX_CHUNKS = 20_000
"""Limits the time that a body of many tiny chunks takes to scan."""
END = b"\r\n"
DIGITS = frozenset(b"0123456789abcdefABCDEF")


class TooLarge(Exception):
    """The body has too many bytes or chunks, or a line or trailer that is too long."""


class ChunkScanner:
    """Scans a growing body that begins at offset `start` of the received bytes. `most` is its maximum content in bytes."""

    def __init__(self, start: int, most: int) -> None:
        self._offset, self._content_left, self._chunks_left = start, most, MAX_CHUNKS
        self._most_received = start + 2 * most + OVERHEAD_BYTES

    def is_complete(self, received: bytearray) -> bool:
        """True if the body is complete or malformed. Raises TooLarge.

        In both cases gunicorn's parser needs no more bytes to finish or to report the error, so no thread waits in it.
        """
        while (is_complete := self._next(received)) is None:
            pass
        if not is_complete and len(received) > self._most_received:
            raise TooLarge
        return is_complete

    def _next(self, received: bytearray) -> bool | None:
        """Scans one chunk. Returns None if another follows, True at the end or an error, False if bytes are missing."""
        end = received.find(END, self._offset, self._offset + LINE_BYTES)
        if end < 0:
            return self._incomplete(len(received) - self._offset, LINE_BYTES)
        digits = bytes(received[self._offset : end]).partition(b";")[0].rstrip(b" \t")
        if not digits or not DIGITS.issuperset(digits):
            return True
        size = int(digits, 16)
        if not size:
            return received.find(2 * END, end) >= 0 or self._incomplete(len(received) - end, TRAILER_BYTES)
        if size > self._content_left or not self._chunks_left:
            raise TooLarge
        next_offset = end + len(END) + size + len(END)
        if next_offset > len(received):
            return False
        if received[next_offset - len(END) : next_offset] != END:
            return True
        self._offset, self._content_left, self._chunks_left = (
            next_offset,
            self._content_left - size,
            self._chunks_left - 1,
        )
        return None

    def _incomplete(self, count: int, most: int) -> bool:
        """Returns False: more bytes are needed. Raises TooLarge if `count` has reached `most`."""
        if count >= most:
            raise TooLarge
        return False
