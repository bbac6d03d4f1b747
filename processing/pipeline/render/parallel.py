"""Processes one photo in two threads. Pillow releases the GIL in every stage, so that they run in parallel.

The output is byte for byte that of one thread: tasks are whole operations, or bands with exact edges.
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
"""LANCZOS takes 1.4 times the CPU. At the same WebP size it scores no better (SSIMULACRA2, eight photos: 73.3 and 74.0)."""
FIRST_STEP_RATIO = 1.25
FIRST_STEP_FILTER = Image.Resampling.HAMMING
"""For the first step to a large picture, if it shrinks by at least FIRST_STEP_RATIO. It takes 0.6 of FILTER's CPU and scores as
well at the same file size (74.4 and 74.3 at 1.5 times). At smaller ratios (72.4 and 73.1 at 1.17 times) and in later steps it is
softer."""
PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
MIN_PIXELS = 1_000_000
"""Pixels of the result. Resizing to fewer takes less time than starting a thread."""
MAX_BANDS = 8
"""Resizing a band takes that much less temporary memory than resizing the whole."""
SUBPIXELS = 64
"""Possible edges per pixel. Pillow stores a box in single precision: such edges are exact up to a width of 2^18 pixels."""

Band = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Task:
    """A submitted function and the future of its result."""

    work: Callable[[], Any]
    future: Future[Any]


Submit = Callable[..., Task]


@cache
def thread_count() -> int:
    """Returns the number of threads: 2, or 1 on a single CPU. More threads gain nothing.

    Half of a photo's encoding time is the largest rendition, which is a single call. The result is cached because the sandboxed
    child can no longer read the cgroup's files while it decodes.
    """
    return min(2, cpus.available())


@contextmanager
def second_thread(threads: int | None = None) -> Iterator[Submit]:
    """Yields a function that submits a call to a second thread. With one thread it runs the call at once in this one."""
    if (threads or thread_count()) < 2:
        yield _run_now
        return
    with ThreadPoolExecutor(1) as pool:

        def submit(work: Callable[..., Any], *arguments: Any) -> Task:
            call = partial(work, *arguments)
            return Task(call, pool.submit(call))

        yield submit


def results(tasks: Sequence[Task]) -> list[Any]:
    """Returns the results in order. Runs the tasks that have not started in this thread, so that both threads end together."""
    own_results = {index: task.work() for index, task in enumerate(tasks) if task.future.cancel()}
    return [own_results[index] if index in own_results else task.future.result() for index, task in enumerate(tasks)]


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Returns the decoded image in the size of the largest rendition."""
    is_far = size[0] * size[1] >= MIN_PIXELS and image.width >= FIRST_STEP_RATIO * size[0]
    return resized(image, size, resample=FIRST_STEP_FILTER if is_far else FILTER)


def resized(
    image: Image.Image, size: tuple[int, int], threads: int | None = None, resample: Image.Resampling = FILTER
) -> Image.Image:
    """Like `Image.resize`, in bands if the image can be cut exactly: this takes less memory, and two threads share the bands."""
    bands = _bands(image.size, size)
    if not bands:
        return image.resize(size, resample)
    if image.mode in PREMULTIPLIED:  # once, instead of by `resize` for each band
        return _in_bands(image.convert(PREMULTIPLIED[image.mode]), size, bands, threads, resample).convert(image.mode)
    return _in_bands(image, size, bands, threads, resample)


def _run_now(work: Callable[..., Any], *arguments: Any) -> Task:
    future: Future[Any] = Future()
    future.set_result(work(*arguments))
    return Task(future.result, future)


def _in_bands(
    image: Image.Image, size: tuple[int, int], bands: list[Band], threads: int | None, resample: Image.Resampling
) -> Image.Image:
    """Resizes the bands separately. Filters also read the pixels next to a band, so that the result has no seams."""
    result = Image.new(image.mode, size, None)  # uninitialised
    result.info = image.info.copy()
    scale, lock = image.width / size[0], Lock()

    def resize_band(start: int, end: int) -> None:
        box = (start * scale, 0, end * scale, image.height)
        band = image.resize((end - start, size[1]), resample, box=box)
        with lock:
            result.paste(band, (start, 0))

    with second_thread(threads) as submit:
        results([submit(resize_band, *band) for band in bands])
    return result


def _bands(size: tuple[int, int], target: tuple[int, int]) -> list[Band]:
    """Returns columns whose edges have exact positions in the original; [] if that is impossible or not worth it.

    Rows do not work: with only a few rows Pillow resizes vertically first, and rounds in between.
    """
    if target[0] * target[1] < MIN_PIXELS or size == target:
        return []
    step = target[0] // gcd(target[0], size[0] * SUBPIXELS)
    bands = list(
        pairwise(sorted({round(target[0] * nth / MAX_BANDS / step) * step for nth in range(MAX_BANDS)} | {target[0]}))
    )
    return bands if 2 * max(end - start for start, end in bands) <= target[0] else []
