"""Feeds libjpeg, through Pillow, with pieces of a JPEG, and tells whether it has all blocks of an interval.

When it has, it searches for the next marker and takes any byte that is none; behind the last block of a single scan it ends.
Within an interval, it waits for the rest of an MCU and leaves what it has of it.
"""

from __future__ import annotations

from typing import Any

from processing.pipeline.formats.jpeg import scans

PIECE = 1 << 16
FILLER = b"\xfe"
"""Long codes in the usual tables: a dozen of these bytes hardly make an MCU."""
AHEAD, LOOKS = 12, 4
"""libjpeg reads eight bytes ahead of what it decodes. Behind these, single bytes are tried."""
LEFT_OVER, LOOKS_BEFORE = 32, 16
"""Some encoders leave up to 24 bytes in front of a marker."""


class Feeder:
    """Around one of Pillow's decoders of JPEGs.

    `at`: the place in the file up to which it was fed. `error`: Pillow's, 0 for none.
    """

    def __init__(self, decoder: Any) -> None:
        self._decoder, self._rest = decoder, b""
        self.at, self.error, self.is_done = 0, 0, False

    def feed(self, data: scans.Data, start: int, end: int) -> None:
        for at in range(start, end, PIECE):
            if self.is_done:
                break
            self._take(data[at : min(at + PIECE, end)])
        self.at = end

    def is_ahead(self, data: scans.Data, interval: scans.Interval, *, ends: bool) -> bool:
        """Whether all blocks seem to be there though more than LEFT_OVER bytes are to come.

        `ends`: the interval is the last, of a single scan. Where an MCU takes a byte or less, it seems so by mistake: then
        `lacks` tells, with filler in place of the rest.
        """
        start = interval.end - LEFT_OVER - LOOKS_BEFORE
        if start < max(interval.start, self.at):
            return False
        self.feed(data, self.at, start)
        while self.at < interval.end - LEFT_OVER:
            self.feed(data, self.at, self.at + (2 if data[self.at] == 0xFF else 1))
            if self._rest and not self.is_done:
                return False
        return self.is_done or not ends

    def lacks(self, *, ends: bool) -> bool:
        """Whether the interval is not complete; tried with filler, which spoils the picture if so."""
        self._take(FILLER * AHEAD)
        for _ in range(LOOKS):
            self._take(FILLER)
            if self._rest and not self.is_done:
                return True
        return ends and not self.is_done

    def _take(self, content: bytes) -> None:
        if self.is_done:
            return
        self._rest += content
        taken, self.error = self._decoder.decode(self._rest)
        self.is_done = taken < 0
        self._rest = self._rest[max(0, taken) :]
