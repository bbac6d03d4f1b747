"""The renditions: which sizes a picture gets, and their files.

Each is made from the one above it. The chain loses nothing that one can see (SSIMULACRA2 within 0.4 of
resizing every size from the full picture) and costs a third less. While one is encoded, the next is made.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from processing.pipeline import hands, likeness
from processing.pipeline.animation import Moving
from processing.pipeline.picture import Rendition
from processing.pipeline.recipe import Avif, Recipe, Rung, fitted

THREADS = 2
"""An AVIF encoder's own; left to itself it takes one for each of the machine's cores, and memory for each."""
Animate = Callable[[tuple[int, int]], Moving]


@dataclass(frozen=True, slots=True)
class Ladder:
    """`placeholder` is a data URI of about a hundred characters for the page to show until the picture has come."""

    renditions: tuple[Rendition, ...]
    placeholder: str
    look: str | None


def write(
    image: Image.Image, size: tuple[int, int], out: Path, recipe: Recipe, animate: Animate | None = None
) -> Ladder:
    """Writes EDGE.webp for every rung of an original of that upright size, safe from power cuts; EDGE.avif too, if it is wished.

    With `animate`, which gives all the frames in a size, it is their image that is written, as WebP alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    # An animation's frames come from one decoder, which only one can use.
    with hands.helping(1 if animate else None) as give:
        for rung in recipe.fitting(size):
            image = _resized(image, fitted(size, rung.edge))
            shown = animate(image.size) if animate else image
            written.append(give(_rendition, shown, out / f"{rung.edge}.webp", rung))
            if recipe.avif and not animate:
                written.append(give(_rendition, image, out / f"{rung.edge}.avif", recipe.avif))
        # Of the smallest, while the largest is being encoded.
        placeholder, look = _placeholder(image, recipe.placeholder_edge), likeness.of(image)
        renditions = tuple(hands.outcomes(written))
    _sync_directory(out)
    return Ladder(renditions, placeholder, look)


def _placeholder(image: Image.Image, edge: int) -> str:
    buffer = BytesIO()
    size = fitted(image.size, edge)
    image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).save(buffer, "WEBP", quality=20, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The other hand has the largest one to encode, which takes as long as all that is left: a third would only slow it down."""
    return image if image.size == size else hands.resized(image, size, 1)


def _rendition(image: Image.Image | Moving, path: Path, how: Rung | Avif) -> Rendition:
    with path.open("w+b") as file:
        # Nothing of the original's metadata: a rendition is published, and its colours are sRGB by now.
        options: dict[str, Any] = {"quality": how.quality, "icc_profile": None, "exif": b"", "xmp": b""}
        options |= {"speed": how.speed, "max_threads": THREADS} if isinstance(how, Avif) else {"method": how.method}
        if isinstance(image, Moving):
            image.write(file, **options)
        else:
            image.save(file, path.suffix[1:], **options)
        file.flush()
        os.fsync(file.fileno())
        return Rendition(str(path), *image.size, bytes=file.tell())


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
