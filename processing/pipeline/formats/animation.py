"""Encodes GIF, APNG, WebP and AVIF animations as animated WebP, within limits of frames and pixels.

Pillow composes the frames as the container specifies (blending and disposal). Each frame is decoded, prepared and encoded on its
own, and again for every size, so that only one frame is in memory at a time.
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

ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
ENDLESS, ONCE, MAX_LOOPS = 0, 1, 65_535
SECONDS = 12.0
"""The CPU time for all sizes of an animation. Sizes that would exceed it are skipped. The smallest is always made."""
FLAGS_OFFSET, ALPHA_FLAG = 20, 0x10

Prepare = Callable[[Image.Image, tuple[int, int]], Image.Image]


def frames(image: Image.Image) -> int:
    """The number of frames of the animation; 1 for a still picture, also if it has further pages."""
    if image.format not in ANIMATED_FORMATS or not getattr(image, "is_animated", False):
        return 1
    return max(1, int(getattr(image, "n_frames", 1)) - _first_frame(image))


def is_kept(image: Image.Image, count: int, bounds: Limits) -> bool:
    pixels = count * image.width * image.height
    return count == 1 or (count <= bounds.animation_frames and pixels <= bounds.animation_pixels)


def stopped_note(image: Image.Image, count: int, bounds: Limits) -> Note:
    mega = round(count * image.width * image.height / 1_000_000)
    message = (
        f"This animation has {count} frames of {image.width} x {image.height} pixels, {mega} megapixels in all; the "
        f"maximum is {bounds.animation_frames} frames and {bounds.animation_pixels // 1_000_000} megapixels. "
        "Only the first frame is shown."
    )
    return Note("animation-stopped", message)


class Clock:
    """Measures the CPU time used for a photo's animations, and estimates the time that the next size needs."""

    def __init__(self) -> None:
        self._started = time.thread_time()
        self._pixel_seconds = 0.0

    @property
    def left(self) -> float:
        return SECONDS - (time.thread_time() - self._started)

    def record(self, size: tuple[int, int], seconds: float) -> None:
        self._pixel_seconds = seconds / (size[0] * size[1])

    def has_time_for(self, size: tuple[int, int]) -> bool:
        return self._pixel_seconds * size[0] * size[1] <= self.left


@dataclass(frozen=True, slots=True)
class EncodingOption:
    """A way to encode an animation in fewer bytes: the factor for the quality, and n to keep every nth frame."""

    quality: float
    every: int


SMALLER_OPTIONS = (
    EncodingOption(1, 1),
    EncodingOption(0.6, 1),
    EncodingOption(0.6, 2),
    EncodingOption(0.4, 3),
    EncodingOption(0.3, 5),
)
"""Tried in this order. Each frame is lossy or lossless, whichever is smaller, because lossless suits drawings."""


class AnimatedImage(Image.Image):
    """The image that the encoder reads. Each frame is made when the encoder seeks to it.

    The list of durations (milliseconds) grows as frames are decoded, because an animation stores them in its frames.
    """

    def __init__(self, image: Image.Image, count: int, size: tuple[int, int], prepare: Prepare) -> None:
        super().__init__()
        self._image, self._shown_size, self._prepare = image, size, prepare
        self._count = self.n_frames = count
        self._step = 1
        self._all_durations: list[float] = []
        self._has_alpha = False
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Makes the nth kept frame the current one. The first encoding keeps all frames, and records their durations."""
        source_frame = frame * self._step
        with error_mapping.file_errors(memory_limits.peak_memory(self._image, max(self._shown_size))):
            self._image.seek(source_frame + _first_frame(self._image))
            self._image.load()
        if len(self._all_durations) == source_frame:
            self._all_durations.append(self._image.info.get("duration") or 0)
        prepared = self._prepare(self._image.copy(), self._shown_size)
        self.im, self._mode, self._size, self._frame = prepared.im, prepared.mode, prepared.size, frame
        self._has_alpha = self._has_alpha or prepared.mode == "RGBA"

    def tell(self) -> int:
        return self._frame

    def write(self, file: BinaryIO, quality: int, method: int, most: int | None, clock: Clock) -> bool:
        """Writes the animation and returns True if it has at most `most` bytes (None: no limit).

        If it has more, the SMALLER_OPTIONS are tried while there is time. The file contains the last try.
        """
        if self._written(file, clock, quality=quality, method=method) <= (most or math.inf):
            return True
        for reduction in SMALLER_OPTIONS:
            if not clock.has_time_for(self.size):
                return False
            self._keep_every(reduction.every)
            options = {"quality": max(1, round(quality * reduction.quality)), "method": 0, "allow_mixed": True}
            if self._written(file, clock, **options) <= (most or math.inf):
                return True
        return False

    def _written(self, file: BinaryIO, clock: Clock, **options: Any) -> int:
        started = time.thread_time()
        file.seek(0)
        file.truncate()
        self.save(file, "WEBP", **options, **self._options)
        if self._has_alpha:
            _set_alpha_flag(file)
        clock.record(self.size, time.thread_time() - started)
        file.flush()
        return file.tell()

    def _keep_every(self, every: int) -> None:
        self._step, self.n_frames = every, -(-self._count // every)
        self.seek(0)

    @property
    def _options(self) -> dict[str, Any]:
        """The encoder's options.

        Only the first frame is a key frame: more would cost half of the time and a third of the bytes, and only help seeking.
        """
        options = {"icc_profile": None, "exif": b"", "xmp": b"", "kmin": 0, "kmax": 0, "background": (0, 0, 0, 0)}
        return options | {"save_all": True, "duration": self._durations, "loop": loops(self._image)}

    @property
    def _durations(self) -> list[float]:
        """The durations of the kept frames. A kept frame also lasts for the skipped frames that follow it.

        While all frames are kept, this is the list that grows as frames are decoded.
        """
        if self._step == 1:
            return self._all_durations
        kept_frames = range(0, self._count, self._step)
        return [sum(self._all_durations[frame : frame + self._step]) for frame in kept_frames]


def loops(image: Image.Image) -> int:
    """How often the animation plays, or 0 for endlessly. A GIF stores the number of repetitions, or nothing if it plays once."""
    count = image.info.get("loop")
    if image.format == "GIF":
        return ONCE if count is None else ENDLESS if count == 0 else min(int(count) + 1, MAX_LOOPS)
    return min(int(count or ENDLESS), MAX_LOOPS)


def _set_alpha_flag(file: BinaryIO) -> None:
    """Sets the alpha flag of the file (RFC 9649, 2.7.1).

    libwebp does not set it if the frames are opaque but do not cover the canvas.
    """
    file.seek(FLAGS_OFFSET)
    flags = file.read(1)[0]
    file.seek(FLAGS_OFFSET)
    file.write(bytes((flags | ALPHA_FLAG,)))
    file.seek(0, os.SEEK_END)


def _first_frame(image: Image.Image) -> int:
    """The index of the first frame. An APNG may have a default image before it, for programs without support for animations."""
    return 1 if getattr(image, "default_image", False) else 0
