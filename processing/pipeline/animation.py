"""Animations stay animations: GIF, APNG, WebP and AVIF become animated WebP, within limits of frames and pixels.

Pillow puts the frames together as their containers say (what is laid over what, what is disposed of). Each is decoded, prepared
and encoded by itself and again for every size, so that no more than one is in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, BinaryIO

from PIL import Image

from processing.pipeline import faults, limits
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits

MOVING = ("GIF", "PNG", "WEBP", "AVIF")
FOREVER, ONCE, MOST_LOOPS = 0, 1, 65_535
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


class Moving(Image.Image):
    """What the encoder sees: an image of that many frames, each made when it is asked for.

    `durations` (milliseconds) grows with the frames: an animation tells them one by one.
    """

    def __init__(self, image: Image.Image, count: int, size: tuple[int, int], prepare: Prepare) -> None:
        super().__init__()
        self._image, self._shown_size, self._prepare = image, size, prepare
        self.n_frames = count
        self.durations: list[float] = []
        self._has_holes = False
        self.seek(0)

    def seek(self, frame: int) -> None:
        with faults.of_the_file(limits.memory(self._image, max(self._shown_size))):
            self._image.seek(frame + _first(self._image))
            self._image.load()
        if len(self.durations) == frame:
            self.durations.append(self._image.info.get("duration") or 0)
        made = self._prepare(self._image.copy(), self._shown_size)
        self.im, self._mode, self._size, self._frame = made.im, made.mode, made.size, frame
        self._has_holes = self._has_holes or made.mode == "RGBA"

    def tell(self) -> int:
        return self._frame

    def write(self, file: BinaryIO, **options: Any) -> None:
        self.save(file, "WEBP", **options, **self._options)
        if self._has_holes:
            _mark_transparent(file)

    @property
    def _options(self) -> dict[str, Any]:
        return {"save_all": True, "duration": self.durations, "loop": loops(self._image), "background": (0, 0, 0, 0)}


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
