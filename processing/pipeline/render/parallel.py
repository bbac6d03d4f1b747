"""Two threads inside one photo. Pillow lets go of the interpreter's lock in every stage, so both really work.

What comes out is to the byte what one thread makes: work is handed over whole, or cut where nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from math import gcd
from threading import Lock
from typing import Any

from PIL import Image

from processing.pipeline import cpus

FILTER = Image.Resampling.BICUBIC
"""LANCZOS takes 1.4 times its CPU. At the same bytes of WebP it scores no better (SSIMULACRA2, eight photos: 73.3 and 74.0)."""
FAR = 1.25
FAR_FILTER = Image.Resampling.HAMMING
"""For the first step to a large picture, if it is that far: 0.6 of FILTER's CPU, and as good at the same bytes (74.4 and 74.3 at
1.5 times). Nearer it is softer (72.4 and 73.1 at 1.17 times), and so it is when one step follows another."""
PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
WORTH_PIXELS = 1_000_000
"""Of the result. A smaller picture is ready before a thread is."""
MOST_BANDS = 8
"""What a band needs beside the picture is that much smaller than what the whole would need."""
PARTS = 64
"""Of a pixel. Pillow keeps a box's edges in single precision: such parts are exact in pictures up to 2^18 pixels wide."""

Band = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Given:
    """Work that was handed over, and what becomes of it."""

    work: Callable[[], Any]
    future: Future[Any]


Give = Callable[..., Given]


@cache
def count() -> int:
    """More would not pay: half of a photo's encoding is its largest rendition, and that is one call.

    Asked once: a child that decodes may not read where it stands any more.
    """
    return min(2, cpus.available())


@contextmanager
def helping(hands: int | None = None) -> Iterator[Give]:
    """Gives a function to call with work and its arguments, for the other hand to do. With one hand it is done at once, here."""
    if (hands or count()) < 2:
        yield _done_here
        return
    with ThreadPoolExecutor(1) as other:

        def give(work: Callable[..., Any], *arguments: Any) -> Given:
            mine = partial(work, *arguments)
            return Given(mine, other.submit(mine))

        yield give


def outcomes(given: Sequence[Given]) -> list[Any]:
    """In the same order. What the other hand has not yet begun is done here: both end at about the same time."""
    own = {at: one.work() for at, one in enumerate(given) if one.future.cancel()}
    return [own[at] if at in own else one.future.result() for at, one in enumerate(given)]


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The first step, from what was decoded."""
    is_far = size[0] * size[1] >= WORTH_PIXELS and image.width >= FAR * size[0]
    return resized(image, size, how=FAR_FILTER if is_far else FILTER)


def resized(
    image: Image.Image, size: tuple[int, int], hands: int | None = None, how: Image.Resampling = FILTER
) -> Image.Image:
    """As `Image.resize`, in bands where it can be cut exactly: they take less memory, and two hands share them."""
    bands = _bands(image.size, size)
    if not bands:
        return image.resize(size, how)
    if image.mode in PREMULTIPLIED:  # as `resize` would do for each band
        return _joined(image.convert(PREMULTIPLIED[image.mode]), size, bands, hands, how).convert(image.mode)
    return _joined(image, size, bands, hands, how)


def _done_here(work: Callable[..., Any], *arguments: Any) -> Given:
    done: Future[Any] = Future()
    done.set_result(work(*arguments))
    return Given(done.result, done)


def _joined(
    image: Image.Image, size: tuple[int, int], bands: list[Band], hands: int | None, how: Image.Resampling
) -> Image.Image:
    """Filters look beyond the edges of a box, so that no seam shows."""
    whole = Image.new(image.mode, size, None)  # uncleared
    whole.info = image.info.copy()
    across, lock = image.width / size[0], Lock()

    def make(left: int, right: int) -> None:
        box = (left * across, 0, right * across, image.height)
        made = image.resize((right - left, size[1]), how, box=box)
        with lock:
            whole.paste(made, (left, 0))

    with helping(hands) as give:
        outcomes([give(make, *band) for band in bands])
    return whole


def _bands(size: tuple[int, int], to: tuple[int, int]) -> list[Band]:
    """Columns whose edges lie exactly somewhere in the original. None where it does not pay or cannot be.

    Rows would do as well, but with a few of them Pillow goes first down and then across, and rounds what lies between.
    """
    if to[0] * to[1] < WORTH_PIXELS or size == to:
        return []
    step = to[0] // gcd(to[0], size[0] * PARTS)
    bands = list(pairwise(sorted({round(to[0] * n / MOST_BANDS / step) * step for n in range(MOST_BANDS)} | {to[0]})))
    return bands if 2 * max(right - left for left, right in bands) <= to[0] else []
