"""Animations stay animations: GIF, APNG, WebP and AVIF become animated WebP, within limits of frames and pixels.

Pillow puts the frames together as their containers say (what is laid over what, what is disposed of). Each is decoded, prepared
and encoded by itself and again for every size, so that no more than one is in memory.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL import Image

from processing.pipeline import error_mapping, memory_limits
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits

MOVING = ("GIF", "PNG", "WEBP", "AVIF")
FOREVER, ONCE, MOST_LOOPS = 0, 1, 65_535
SECONDS = 12.0
"""Of CPU for all sizes of an animation: what would take longer is left out. The smallest is always made."""
FLAGS_AT, ALPHA = 20, 0x10

Prepare = Callable[[Image.Image, tuple[int, int]], Image.Image]


def frames(image: Image.Image) -> int:
    """How many the animation has; 1 for a still picture, and for one that only has further pages."""
    if image.format not in MOVING or not getattr(image, "is_animated", False):
        return 1
    return max(1, int(getattr(image, "n_frames", 1)) - _first(image))


def is_kept(image: Image.Image, count: int, bounds: Limits) -> bool:
    pixels = count * image.width * image.height
    return count == 1 or (count <= bounds.animation_frames and pixels <= bounds.animation_pixels)


def stopped(image: Image.Image, count: int, bounds: Limits) -> Note:
    mega = round(count * image.width * image.height / 1_000_000)
    words = (
        f"This animation has {count} frames of {image.width} x {image.height} pixels, {mega} megapixels together; up to "
        f"{bounds.animation_frames} frames and {bounds.animation_pixels // 1_000_000} megapixels are kept moving. "
        "Shown is the first."
    )
    return Note("animation-stopped", words)


class Clock:
    """CPU time that a photo's animations have taken, and how much the next would take by what they took so far."""

    def __init__(self) -> None:
        self._begun = time.thread_time()
        self._pixel_seconds = 0.0

    @property
    def left(self) -> float:
        return SECONDS - (time.thread_time() - self._begun)

    def took(self, size: tuple[int, int], seconds: float) -> None:
        self._pixel_seconds = seconds / (size[0] * size[1])

    def has_time_for(self, size: tuple[int, int]) -> bool:
        return self._pixel_seconds * size[0] * size[1] <= self.left


@dataclass(frozen=True, slots=True)
class Way:
    """A way to write an animation in fewer bytes: which share of its quality, and every how manieth frame."""

    quality: float
    every: int


SMALLER = (Way(1, 1), Way(0.6, 1), Way(0.6, 2), Way(0.4, 3), Way(0.3, 5))
"""Tried one after the other, each frame with or without loss, whichever is smaller: that suits drawings."""


class Moving(Image.Image):
    """What the encoder sees: an image of that many frames, each made when it is asked for.

    Durations (milliseconds) grow with the frames: an animation tells them one by one.
    """

    def __init__(self, image: Image.Image, count: int, size: tuple[int, int], prepare: Prepare) -> None:
        super().__init__()
        self._image, self._shown_size, self._prepare = image, size, prepare
        self._count = self.n_frames = count
        self._every = 1
        self._all_durations: list[float] = []
        self._has_holes = False
        self.seek(0)

    def seek(self, frame: int) -> None:
        """To the nth of those that are kept. All are at first, and tell their durations then."""
        place = frame * self._every
        with error_mapping.of_the_file(memory_limits.memory(self._image, max(self._shown_size))):
            self._image.seek(place + _first(self._image))
            self._image.load()
        if len(self._all_durations) == place:
            self._all_durations.append(self._image.info.get("duration") or 0)
        made = self._prepare(self._image.copy(), self._shown_size)
        self.im, self._mode, self._size, self._frame = made.im, made.mode, made.size, frame
        self._has_holes = self._has_holes or made.mode == "RGBA"

    def tell(self) -> int:
        return self._frame

    def write(self, file: BinaryIO, quality: int, method: int, most: int | None, clock: Clock) -> bool:
        """Whether it takes `most` bytes at most. If not, it is tried in fewer while there is time; the last try stays."""
        if self._written(file, clock, quality=quality, method=method) <= (most or math.inf):
            return True
        for way in SMALLER:
            if not clock.has_time_for(self.size):
                return False
            self._keep_every(way.every)
            options = {"quality": max(1, round(quality * way.quality)), "method": 0, "allow_mixed": True}
            if self._written(file, clock, **options) <= (most or math.inf):
                return True
        return False

    def _written(self, file: BinaryIO, clock: Clock, **options: Any) -> int:
        begun = time.thread_time()
        file.seek(0)
        file.truncate()
        self.save(file, "WEBP", **options, **self._options)
        if self._has_holes:
            _mark_transparent(file)
        clock.took(self.size, time.thread_time() - begun)
        file.flush()
        return file.tell()

    def _keep_every(self, every: int) -> None:
        self._every, self.n_frames = every, -(-self._count // every)
        self.seek(0)

    @property
    def _options(self) -> dict[str, Any]:
        """Without key frames but the first: they cost half of the time and a third of the bytes, and nobody seeks."""
        told = {"icc_profile": None, "exif": b"", "xmp": b"", "kmin": 0, "kmax": 0, "background": (0, 0, 0, 0)}
        return told | {"save_all": True, "duration": self._durations, "loop": loops(self._image)}

    @property
    def _durations(self) -> list[float]:
        """At first the list that grows while it is read; later the sums of those that are left out and the one before."""
        if self._every == 1:
            return self._all_durations
        firsts = range(0, self._count, self._every)
        return [sum(self._all_durations[first : first + self._every]) for first in firsts]


def loops(image: Image.Image) -> int:
    """How often it plays, 0: for ever. A GIF tells how often it plays again, or nothing and plays once."""
    told = image.info.get("loop")
    if image.format == "GIF":
        return ONCE if told is None else FOREVER if told == 0 else min(int(told) + 1, MOST_LOOPS)
    return min(int(told or FOREVER), MOST_LOOPS)


def _mark_transparent(file: BinaryIO) -> None:
    """libwebp forgets to (RFC 9649, 2.7.1) when the frames themselves are full, but leave the canvas empty around them."""
    file.seek(FLAGS_AT)
    flags = file.read(1)[0]
    file.seek(FLAGS_AT)
    file.write(bytes((flags | ALPHA,)))
    file.seek(0, os.SEEK_END)


def _first(image: Image.Image) -> int:
    """An APNG may have a picture before its frames, for programs that know no animation."""
    return 1 if getattr(image, "default_image", False) else 0
