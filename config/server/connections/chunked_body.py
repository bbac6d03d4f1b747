"""How far a body in chunks (RFC 9112, section 7.1) has come, without taking it apart: gunicorn does that when all is here."""

LINE_BYTES = 4 << 10
TRAILER_BYTES = 8 << 10
OVERHEAD_BYTES = 64 << 10
MAX_CHUNKS = 20_000
"""A client that puts every few bytes into a chunk of their own costs more time than memory."""
END = b"\r\n"
DIGITS = frozenset(b"0123456789abcdefABCDEF")


class TooLarge(Exception):
    """The body has more bytes or chunks than it may, or a line or trailer that is too long."""


class Chunks:
    """Looks at a body as it grows, which begins at `start` of what is received. `most`: bytes of content that it may have."""

    def __init__(self, start: int, most: int) -> None:
        self._at, self._room, self._chunks_left = start, most, MAX_CHUNKS
        self._most_received = start + 2 * most + OVERHEAD_BYTES

    def are_here(self, received: bytearray) -> bool:
        """True when the body has come to its end, or is malformed. Raises TooLarge.

        Either way gunicorn's parser needs nothing more to come to its end, or to say what is wrong: a thread never waits in it.
        """
        while (is_whole := self._next(received)) is None:
            pass
        if not is_whole and len(received) > self._most_received:
            raise TooLarge
        return is_whole

    def _next(self, received: bytearray) -> bool | None:
        """None when a chunk is here, and another follows."""
        end = received.find(END, self._at, self._at + LINE_BYTES)
        if end < 0:
            return self._waiting(len(received) - self._at, LINE_BYTES)
        digits = bytes(received[self._at : end]).partition(b";")[0].rstrip(b" \t")
        if not digits or not DIGITS.issuperset(digits):
            return True
        size = int(digits, 16)
        if not size:
            return received.find(2 * END, end) >= 0 or self._waiting(len(received) - end, TRAILER_BYTES)
        if size > self._room or not self._chunks_left:
            raise TooLarge
        behind = end + len(END) + size + len(END)
        if behind > len(received):
            return False
        if received[behind - len(END) : behind] != END:
            return True
        self._at, self._room, self._chunks_left = behind, self._room - size, self._chunks_left - 1
        return None

    def _waiting(self, count: int, most: int) -> bool:
        """False, for what has not come to its end. Raises TooLarge when it should have."""
        if count >= most:
            raise TooLarge
        return False
