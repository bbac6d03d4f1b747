"""JPEGs whose data do not fit their pixels: cut and closed again, with a hole in them, with changed bits (ITU-T T.81).

libjpeg fills up what is missing, skips what is left over, and counts warnings that Pillow does not pass on. So the decoder here
stops at the end of each interval (what lies between two restart markers, or a scan without any) and looks whether libjpeg has
all blocks of it: `libjpeg_feed`. Only what looks damaged is decoded twice.

What is not noticed: changed bits after which as many blocks come out as before; and in a progressive JPEG, what is left over in
any scan but the first, where one byte can complete any number of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile

from processing.pipeline import errors
from processing.pipeline.formats.jpeg import scans as jpeg_scans
from processing.pipeline.formats.jpeg.libjpeg_feed import LEFT_OVER, Feeder

NAME = "jpeg intervals"
WATCHED = {0xC0, 0xC1, 0xC2, 0xC3}
"""Frames with Huffman codes. An arithmetic decoder cannot wait for further data."""
HOLE = bytes(256)
"""Half a sector."""
USUAL = 0.5
"""What more than this share of the intervals have is their encoder's way, and no damage."""
MOST_INTERVALS = 512
"""To look at. Of more, every second, third, … is: a look takes 10 us."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Of the interval with that number: data are missing, or some are left over."""

    number: int
    is_short: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The intervals to look at. In those of `refined` scans, nothing can be told of what is left over."""

    intervals: list[jpeg_scans.Interval]
    refined: set[int]
    is_single: bool

    def ends(self, number: int) -> bool:
        """Whether libjpeg ends behind that interval, without waiting for the end marker."""
        return self.is_single and number == len(self.intervals) - 1


def watch(image: Image.Image) -> None:
    """Makes `load()` of a JPEG raise Truncated or Broken when its data do not fit its pixels."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [tile._replace(codec_name=NAME) for tile in image.tile]


class Decoder(ImageFile.PyDecoder):
    """Pillow's own decoder of JPEGs, fed interval by interval."""

    _pulls_fd = True

    def decode(self, _: Any) -> tuple[int, int]:
        assert self.fd is not None
        with jpeg_scans.mapped(self.fd) as data:
            plan = _plan(data)
            return self._watched(data, plan) if plan else self._plainly(data)

    def _watched(self, data: jpeg_scans.Data, plan: Plan) -> tuple[int, int]:
        feeder = self._feeder()
        short, doubtful = _looked_at(data, plan, feeder)
        faults = short + (_confirmed(data, plan, self._feeder(), doubtful) if doubtful else [])
        count = len(plan.intervals)
        if faults and len({fault.number for fault in faults}) <= max(1, USUAL * count):
            raise errors.Truncated if Fault(count - 1, is_short=True) in faults else errors.Broken
        if faults or doubtful:
            return self._plainly(data)
        if not feeder.is_done:
            raise errors.Truncated
        return -1, feeder.error

    def _plainly(self, data: jpeg_scans.Data) -> tuple[int, int]:
        feeder = self._feeder()
        feeder.feed(data, 0, len(data))
        if not feeder.is_done:
            raise errors.Truncated
        return -1, feeder.error

    def _feeder(self) -> Feeder:
        assert self.im is not None
        decoder = Image._getdecoder(self.mode, "jpeg", self.args)
        assert not isinstance(decoder, ImageFile.PyDecoder)
        decoder.setimage(self.im, self.state.extents())
        return Feeder(decoder)


Image.register_decoder(NAME, Decoder)


def _plan(data: jpeg_scans.Data) -> Plan | None:
    """None of a kind that cannot be looked at. Raises Truncated where scans are missing, Broken where headers are or at holes."""
    frame, first = jpeg_scans.frame(data), next(jpeg_scans.scans(data), None)
    if frame is None or first is None:  # libjpeg goes on to whatever follows, as the gain map behind the picture
        raise errors.Broken
    if frame.marker not in WATCHED:
        return None
    intervals = list(jpeg_scans.intervals(data, first))
    _check_holes(data, first, intervals)
    if frame.is_sequential and intervals and data[intervals[-1].marker + 1] == jpeg_scans.END_OF_IMAGE:
        if jpeg_scans.is_partial([first], frame):
            raise errors.Truncated
        return Plan(_some(intervals), set(), is_single=True)
    return _of_scans(data, frame)


def _of_scans(data: jpeg_scans.Data, frame: jpeg_scans.Frame) -> Plan | None:
    scans = list(jpeg_scans.scans(data))
    if jpeg_scans.is_partial(scans, frame):
        raise errors.Truncated
    intervals: list[jpeg_scans.Interval] = []
    refined: set[int] = set()
    for scan in scans:
        parts = list(jpeg_scans.intervals(data, scan))
        _check_holes(data, scan, parts)
        parts = _some(parts)
        intervals += parts
        if not frame.is_sequential and (scan.band.start or scan.high):
            refined.update(part.start for part in parts)
    return Plan(intervals, refined, is_single=False) if intervals else None


def _check_holes(data: jpeg_scans.Data, scan: jpeg_scans.Scan, intervals: list[jpeg_scans.Interval]) -> None:
    """Refuses a scan with zeros, other than for padding, that no picture has."""
    if scan.can_be_zeros or not intervals or data.find(HOLE, scan.start, intervals[-1].end) < 0:
        return
    for part in intervals:
        end = jpeg_scans.without_padding(data, part.start, part.end)
        if data.find(HOLE, part.start, end) >= 0:
            raise errors.Broken


def _some(intervals: list[jpeg_scans.Interval]) -> list[jpeg_scans.Interval]:
    step = -(-len(intervals) // MOST_INTERVALS) or 1
    return intervals[:-1:step] + intervals[-1:]


def _looked_at(data: jpeg_scans.Data, plan: Plan, feeder: Feeder) -> tuple[list[Fault], set[int]]:
    """What lacks data, and the numbers of those intervals that may have some left over."""
    short, doubtful = [], set()
    for number, interval in enumerate(plan.intervals):
        feeder.feed(data, feeder.at, interval.start)
        ends = plan.ends(number)
        if interval.start not in plan.refined and feeder.is_ahead(data, interval, ends=ends):
            doubtful.add(number)
        feeder.feed(data, feeder.at, interval.end)
        if feeder.lacks(ends=ends):
            short.append(Fault(number, is_short=True))
        feeder.at = interval.marker
    feeder.feed(data, feeder.at, len(data))
    return short, doubtful


def _confirmed(data: jpeg_scans.Data, plan: Plan, feeder: Feeder, doubtful: set[int]) -> list[Fault]:
    """Those of the doubtful intervals that are complete although data are left over, or only by padding."""
    found = []
    for number, interval in enumerate(plan.intervals):
        feeder.feed(data, feeder.at, interval.start)
        if number in doubtful:
            end = jpeg_scans.without_padding(data, interval.start, interval.end)
            is_padded = end < interval.end
            feeder.feed(data, feeder.at, end if is_padded else end - LEFT_OVER)
            if feeder.lacks(ends=plan.ends(number)) == is_padded:
                found.append(Fault(number, is_short=is_padded))
        else:
            feeder.feed(data, feeder.at, interval.end)
        feeder.at = interval.marker
    return found
