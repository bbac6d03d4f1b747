"""Detects JPEGs with too little or too much data for their pixels: truncated and closed, with holes, or with changed bits.

libjpeg fills in missing data, skips surplus data, and counts warnings that Pillow does not pass on (ITU-T T.81). So this decoder
stops at the end of each interval (the data between two restart markers, or a scan without them) and checks with `libjpeg_feed`
whether libjpeg has decoded all its blocks. It decodes a picture twice only if an interval looks damaged.

Not detected: changed bits that leave the number of blocks the same; and surplus data in any scan but the first of a progressive
JPEG, because one byte can complete any number of blocks there. So padding in these scans is tested by other data in its place,
which changes the picture if the scan is truncated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile

from processing.pipeline import errors
from processing.pipeline.formats.jpeg import scans as jpeg_scans
from processing.pipeline.formats.jpeg.libjpeg_feed import LEFT_OVER, Feeder

DECODER_NAME = "jpeg intervals"
CHECKED_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3}
"""Frames with Huffman codes. libjpeg's arithmetic decoder cannot be suspended to wait for data."""
HOLE = bytes(256)
"""Half a disk sector of zeros."""
MAX_FAULTY_SHARE = 0.5
"""If a larger share of the intervals has a fault, mostly surplus data, it is a habit of the encoder and no damage."""
MAX_INTERVALS = 512
"""The limit of checked intervals. Of more, only every second, third, ... is checked: a check takes 10 µs."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the interval with that number: missing data if `is_short`, otherwise surplus data."""

    number: int
    is_short: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The intervals to check. Surplus data cannot be detected in `refined` ones, which are given by their offsets.

    `padding` has the start and end of the padding in intervals that refine AC coefficients. `has_right_restarts` is False if
    a scan has more or fewer restarts than its header says.
    """

    intervals: list[jpeg_scans.Interval]
    refined: set[int]
    is_single: bool
    padding: tuple[tuple[int, int], ...] = ()
    has_right_restarts: bool = True

    def ends(self, number: int) -> bool:
        """True if libjpeg finishes after that interval, without waiting for the end marker."""
        return self.is_single and number == len(self.intervals) - 1


def check_while_loading(image: Image.Image) -> None:
    """Makes `load()` of a JPEG raise Truncated or Broken if it has too little or too much data for its pixels."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [tile._replace(codec_name=DECODER_NAME) for tile in image.tile]


class Decoder(ImageFile.PyDecoder):
    """Feeds Pillow's JPEG decoder interval by interval."""

    _pulls_fd = True

    def decode(self, _: Any) -> tuple[int, int]:
        assert self.fd is not None
        with jpeg_scans.mapped(self.fd) as data:
            plan = _plan(data)
            return self._decode_checked(data, plan) if plan else self._decode_unchecked(data)

    def _decode_checked(self, data: jpeg_scans.Data, plan: Plan) -> tuple[int, int]:
        assert self.im is not None
        feeder = self._feeder(self.im)
        short, doubtful = _check_intervals(data, plan, feeder)
        confirmed = _confirmed(data, plan, self._feeder(self.im), doubtful) if doubtful else []
        if surplus := {fault.number for fault in confirmed if not fault.is_short}:
            others = [fault for fault in confirmed if fault.is_short]
            confirmed = others + _confirmed(data, plan, self._feeder(self.im), surplus, min_padding=LEFT_OVER)
        faults = short + confirmed
        count = len(plan.intervals)
        limit = max(1, MAX_FAULTY_SHARE * count)
        is_habit = len({fault.number for fault in faults}) > limit
        if (faults and not is_habit) or len([fault for fault in faults if fault.is_short]) > limit:
            raise errors.Truncated if Fault(count - 1, is_short=True) in faults else errors.Broken
        if not plan.has_right_restarts:
            raise errors.Broken
        if faults or doubtful:
            return self._decode_unchecked(data)
        if not feeder.is_done or (plan.padding and not self._is_same_without(data, plan.padding)):
            raise errors.Truncated
        return -1, feeder.error

    def _is_same_without(self, data: jpeg_scans.Data, padding: tuple[tuple[int, int], ...]) -> bool:
        """True if the decoded picture stays the same with other data in place of the padding."""
        assert self.im is not None
        image = Image.new(self.mode, self.im.size)
        feeder = self._feeder(image.im)
        for start, end in padding:
            feeder.feed(data, feeder.offset, start)
            feeder.feed(jpeg_scans.FILLER, 0, len(jpeg_scans.FILLER))
            feeder.offset = end
        feeder.feed(data, feeder.offset, len(data))
        return image.im.chop_difference(self.im).getbbox() is None

    def _decode_unchecked(self, data: jpeg_scans.Data) -> tuple[int, int]:
        assert self.im is not None
        feeder = self._feeder(self.im)
        feeder.feed(data, 0, len(data))
        if not feeder.is_done:
            raise errors.Truncated
        return -1, feeder.error

    def _feeder(self, target: Any) -> Feeder:
        decoder = Image._getdecoder(self.mode, "jpeg", self.args)
        assert not isinstance(decoder, ImageFile.PyDecoder)
        decoder.setimage(target, self.state.extents())
        return Feeder(decoder)


Image.register_decoder(DECODER_NAME, Decoder)


def _plan(data: jpeg_scans.Data) -> Plan | None:
    """The intervals to check; None for a kind of JPEG that cannot be checked.

    Raises Truncated if scans are missing, and Broken if headers are missing or a scan has a hole.
    """
    frame, first = jpeg_scans.frame(data), next(jpeg_scans.scans(data), None)
    if frame is None or first is None:  # libjpeg would continue with the next picture in the file, such as a gain map
        raise errors.Broken
    if frame.marker not in CHECKED_FRAMES:
        return None
    intervals = list(jpeg_scans.intervals(data, first))
    _check_holes(data, first, intervals)
    if frame.is_sequential and intervals and data[intervals[-1].marker + 1] == jpeg_scans.END_OF_IMAGE:
        if jpeg_scans.is_partial([first], frame):
            raise errors.Truncated
        has_right_restarts = _has_right_restarts(frame, first, intervals)
        return Plan(_sampled(intervals), set(), is_single=True, has_right_restarts=has_right_restarts)
    return _plan_of_scans(data, frame)


def _plan_of_scans(data: jpeg_scans.Data, frame: jpeg_scans.Frame) -> Plan | None:
    scans = list(jpeg_scans.scans(data))
    if jpeg_scans.is_partial(scans, frame):
        raise errors.Truncated
    intervals: list[jpeg_scans.Interval] = []
    refined: set[int] = set()
    padding: list[tuple[int, int]] = []
    has_right_restarts = True
    for scan in scans:
        scan_intervals = list(jpeg_scans.intervals(data, scan))
        has_right_restarts = has_right_restarts and _has_right_restarts(frame, scan, scan_intervals)
        _check_holes(data, scan, scan_intervals)
        scan_intervals = _sampled(scan_intervals)
        intervals += scan_intervals
        if not frame.is_sequential and (scan.band.start or scan.high):
            refined.update(interval.start for interval in scan_intervals)
        if scan.band.start and scan.high:  # zeros refine the DC coefficients of flat pictures
            padding += _padding(data, scan_intervals)
    if not intervals:
        return None
    return Plan(intervals, refined, is_single=False, padding=tuple(padding), has_right_restarts=has_right_restarts)


def _has_right_restarts(frame: jpeg_scans.Frame, scan: jpeg_scans.Scan, intervals: list[jpeg_scans.Interval]) -> bool:
    """True if the scan has as many restarts as its header says. A restart more is tolerated at its end."""
    if frame.is_lossless or not intervals:
        return True
    last = intervals[-1]
    count = len(intervals) - 1
    return frame.restarts(scan) in (count, count - 1 if last.start == last.end else count)


def _padding(data: jpeg_scans.Data, intervals: list[jpeg_scans.Interval]) -> Iterator[tuple[int, int]]:
    for interval in intervals:
        start = jpeg_scans.without_padding(data, interval.start, interval.end)
        if start < interval.end:
            yield start, interval.end


def _check_holes(data: jpeg_scans.Data, scan: jpeg_scans.Scan, intervals: list[jpeg_scans.Interval]) -> None:
    """Raises Broken if the scan has zeros, other than padding, that no picture has."""
    if scan.can_be_zeros or not intervals or data.find(HOLE, scan.start, intervals[-1].end) < 0:
        return
    for interval in intervals:
        end = jpeg_scans.without_padding(data, interval.start, interval.end)
        if data.find(HOLE, interval.start, end) >= 0:
            raise errors.Broken


def _sampled(intervals: list[jpeg_scans.Interval]) -> list[jpeg_scans.Interval]:
    step = -(-len(intervals) // MAX_INTERVALS) or 1
    return intervals[:-1:step] + intervals[-1:]


def _check_intervals(data: jpeg_scans.Data, plan: Plan, feeder: Feeder) -> tuple[list[Fault], set[int]]:
    """The faults of intervals that lack data, and the numbers of intervals that may have surplus data."""
    short, doubtful = [], set()
    for number, interval in enumerate(plan.intervals):
        feeder.feed(data, feeder.offset, interval.start)
        ends = plan.ends(number)
        if interval.start not in plan.refined and feeder.seems_complete_early(data, interval, ends=ends):
            doubtful.add(number)
        feeder.feed(data, feeder.offset, interval.end)
        if feeder.is_incomplete(ends=ends):
            short.append(Fault(number, is_short=True))
        feeder.offset = interval.marker
    feeder.feed(data, feeder.offset, len(data))
    return short, doubtful


def _confirmed(
    data: jpeg_scans.Data, plan: Plan, feeder: Feeder, doubtful: set[int], min_padding: int = jpeg_scans.PADDING_BYTES
) -> list[Fault]:
    """The faults of the doubtful intervals: complete before the end of their data, or complete only with padding.

    `min_padding`: the number of equal bytes that count as padding. A small one is only for data that is known to be surplus.
    """
    faults = []
    for number, interval in enumerate(plan.intervals):
        feeder.feed(data, feeder.offset, interval.start)
        if number in doubtful:
            end = jpeg_scans.without_padding(data, interval.start, interval.end, min_padding)
            is_padded = end < interval.end
            feeder.feed(data, feeder.offset, end if is_padded else end - LEFT_OVER)
            if feeder.is_incomplete(ends=plan.ends(number)) == is_padded:
                faults.append(Fault(number, is_short=is_padded))
        else:
            feeder.feed(data, feeder.offset, interval.end)
        feeder.offset = interval.marker
    return faults
