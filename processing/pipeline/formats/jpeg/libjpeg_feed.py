"""Feeds a JPEG to libjpeg in parts, through Pillow, and checks whether libjpeg has decoded all blocks of an interval.

After the last block of an interval, libjpeg searches for the next marker and consumes any other byte. After the last block of a
single scan, it finishes. Within an interval, it waits for the rest of an MCU and leaves the incomplete MCU unconsumed.
"""

from __future__ import annotations

from typing import Any

from processing.pipeline.formats.jpeg import scans

CHUNK_BYTES = 1 << 16
FILLER = b"\xfe"
"""A byte with long codes in the usual Huffman tables: a dozen of them hardly complete an MCU."""
READ_AHEAD, TRIES = 12, 4
"""The bytes to feed at first, because libjpeg reads eight bytes ahead; and the number of single bytes to try after them."""
LEFT_OVER, TRIES_BEFORE = 32, 16
"""The surplus bytes to tolerate, because some encoders write up to 24 before a marker; and the bytes to try before these."""


class Feeder:
    """Wraps one of Pillow's JPEG decoders.

    `offset` is that of the next byte to feed, `error` Pillow's error code, or 0.
    """

    def __init__(self, decoder: Any) -> None:
        self._decoder, self._unconsumed = decoder, b""
        self.offset, self.error, self.is_done = 0, 0, False

    def feed(self, data: scans.Data, start: int, end: int) -> None:
        for offset in range(start, end, CHUNK_BYTES):
            if self.is_done:
                break
            self._decode(data[offset : min(offset + CHUNK_BYTES, end)])
        self.offset = end

    def seems_complete_early(self, data: scans.Data, interval: scans.Interval, *, ends: bool) -> bool:
        """True if the interval seems complete although more than LEFT_OVER of its bytes have not been fed.

        `ends` is True for the last interval of a single scan. If an MCU takes a byte or less, the result may be wrong. Then the
        caller confirms it by `is_incomplete`, which feeds filler in place of those bytes.
        """
        start = interval.end - LEFT_OVER - TRIES_BEFORE
        if start < max(interval.start, self.offset):
            return False
        self.feed(data, self.offset, start)
        while self.offset < interval.end - LEFT_OVER:
            self.feed(data, self.offset, self.offset + (2 if data[self.offset] == 0xFF else 1))
            if self._unconsumed and not self.is_done:
                return False
        return self.is_done or not ends

    def is_incomplete(self, *, ends: bool) -> bool:
        """True if the interval is incomplete. The test feeds filler, which spoils the picture in that case."""
        self._decode(FILLER * READ_AHEAD)
        for _ in range(TRIES):
            self._decode(FILLER)
            if self._unconsumed and not self.is_done:
                return True
        return ends and not self.is_done

    def _decode(self, content: bytes) -> None:
        if self.is_done:
            return
        self._unconsumed += content
        consumed, self.error = self._decoder.decode(self._unconsumed)
        self.is_done = consumed < 0
        self._unconsumed = self._unconsumed[max(0, consumed) :]
