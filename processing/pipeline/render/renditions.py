"""The renditions: which sizes a picture gets, and their files.

Each is made from the one above it. The chain loses nothing that one can see (SSIMULACRA2 within 0.4 of
resizing every size from the full picture) and costs a third less. While one is encoded, the next is made.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from processing.pipeline.formats import animation
from processing.pipeline.formats.animation import Moving
from processing.pipeline.picture import Rendition
from processing.pipeline.recipe import Avif, Recipe, Rung, fitted
from processing.pipeline.render import parallel, perceptual_hash

THREADS = 2
"""An AVIF encoder's own; left to itself it takes one for each of the machine's cores, and memory for each."""
MOST_TRIES, LOSSLESS_EFFORT = 4, 20
Animate = Callable[[tuple[int, int]], Moving]


@dataclass(frozen=True, slots=True)
class Most:
    """The bytes of an original that browsers show, and whether it is packed without loss, as drawings are."""

    bytes: int
    is_lossless: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """`placeholder` is a data URI of about a hundred characters for the page to show until the picture has come."""

    renditions: tuple[Rendition, ...]
    placeholder: str
    look: str | None


def write(
    image: Image.Image,
    size: tuple[int, int],
    out: Path,
    recipe: Recipe,
    animate: Animate | None = None,
    most: Most | None = None,
) -> Ladder:
    """Writes EDGE.webp for every rung of an original of that upright size, safe from power cuts; EDGE.avif too, if it is wished.

    With `animate`, which gives all the frames in a size, it is their image that is written, as WebP alone. Quality is lowered
    until no file exceeds `most`; a size for which that does not suffice is left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    rungs = recipe.fitting(size)
    if animate:
        small = _resized(image, fitted(image.size, rungs[-1].edge))
        renditions = _animations(rungs, size, out, animate, most)
        _sync_directory(out)
        return Ladder(renditions, _placeholder(small, recipe.placeholder_edge), perceptual_hash.of(small))
    written = []
    with parallel.helping() as give:
        for rung in rungs:
            image = _resized(image, fitted(size, rung.edge))
            written.append(give(_rendition, image, out / f"{rung.edge}.webp", rung, most, rung is rungs[-1]))
            if recipe.avif:
                written.append(give(_rendition, image, out / f"{rung.edge}.avif", recipe.avif, most))
        # Of the smallest, while the largest is being encoded.
        placeholder, look = _placeholder(image, recipe.placeholder_edge), perceptual_hash.of(image)
        renditions = tuple(made for made in parallel.outcomes(written) if made)
    _sync_directory(out)
    return Ladder(renditions, placeholder, look)


def _animations(
    rungs: Sequence[Rung], size: tuple[int, int], out: Path, animate: Animate, most: Most | None
) -> tuple[Rendition, ...]:
    """Largest first; made from the smallest on, one at a time, as long as there is time and the next is not too large."""
    made: list[Rendition] = []
    clock = animation.Clock()
    for rung in reversed(rungs):
        moving = animate(fitted(size, rung.edge))
        if made and not clock.has_time_for(moving.size):
            break
        path = out / f"{rung.edge}.webp"
        with path.open("w+b") as file:
            is_small = moving.write(file, rung.quality, rung.method, most.bytes if most else None, clock)
            bytes_ = file.seek(0, os.SEEK_END)
            os.fsync(file.fileno())
        if made and not is_small:
            with suppress(PermissionError):  # a child may not; whoever asked takes only what is named
                path.unlink()
            break
        made.insert(0, Rendition(str(path), *moving.size, bytes=bytes_))
    return tuple(made)


def _placeholder(image: Image.Image, edge: int) -> str:
    buffer = BytesIO()
    size = fitted(image.size, edge)
    image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).save(buffer, "WEBP", quality=20, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The other hand has the largest one to encode, which takes as long as all that is left: a third would only slow it down."""
    return image if image.size == size else parallel.resized(image, size, 1)


def _rendition(
    image: Image.Image, path: Path, how: Rung | Avif, most: Most | None, is_last: bool = False
) -> Rendition | None:
    """None for one that takes too many bytes however it is encoded, unless it is the last."""
    content = _encoded(image, path.suffix[1:], how)
    if most and len(content) > most.bytes:
        content = _smaller(image, path.suffix[1:], how, content, most)
        if len(content) > most.bytes and not is_last:
            return None
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Rendition(str(path), *image.size, bytes=len(content))


def _smaller(image: Image.Image, form: str, how: Rung | Avif, content: bytes, most: Most) -> bytes:
    """As good as it can be within that many bytes: without loss where that takes fewer, as it does for drawings; else worse.

    A few tries, each lower than the one before as that was too large. The smallest counts if none is small enough.
    """
    best, quality = content, how.quality
    if most.is_lossless and form == "webp":
        best = min(best, _encoded(image, form, how, lossless=True, quality=LOSSLESS_EFFORT), key=len)
    for left in range(MOST_TRIES, 0, -1):
        if len(best) <= most.bytes or not quality:
            break
        quality = max(0, min(quality - 5, int(quality * most.bytes / len(best) * 0.9))) if left > 1 else 0
        best = min(best, _encoded(image, form, how, quality=quality), key=len)
    return best


def _encoded(image: Image.Image, form: str, how: Rung | Avif, **other: Any) -> bytes:
    # Nothing of the original's metadata: a rendition is published, and its colours are sRGB by now.
    options: dict[str, Any] = {"quality": how.quality, "icc_profile": None, "exif": b"", "xmp": b""}
    options |= {"speed": how.speed, "max_threads": THREADS} if isinstance(how, Avif) else {"method": how.method}
    buffer = BytesIO()
    image.save(buffer, form, **options | other)
    return buffer.getvalue()


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
