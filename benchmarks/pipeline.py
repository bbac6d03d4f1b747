"""Our pipeline beside Pillow as it is usually written: decode, resize each size from the original, save."""

import tempfile
import time
from pathlib import Path

from benchmarks import measure
from processing.pipeline import developing
from processing.sandbox import Sandbox

NAIVE = """
import sys
from pathlib import Path
from PIL import Image, ImageOps
*photos, out = sys.argv[1:]
for photo in photos:
    with Image.open(photo) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
        for edge in (2560, 1600, 800, 400):
            small = image.copy()
            small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
            small.save(Path(out) / f"{edge}.webp", quality=82)
"""
OURS = """
import sys
from pathlib import Path
from processing.pipeline import developing
*photos, out = sys.argv[1:]
for photo in photos:
    developing.develop(Path(photo), Path(out))
"""


def run() -> None:
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        photos = measure.photos(scratch)
        paths = [*map(str, photos), directory]
        naive, ours = measure.child(NAIVE, *paths), measure.child(OURS, *paths)
        rows = [_row(name, cost, naive, len(photos)) for name, cost in (("naive Pillow", naive), ("Darkroom", ours))]
        head = ("", "CPU ms/photo", "wall ms/photo", "peak MB", "CPU ratio")
        measure.table(f"Four WebP renditions of {len(photos)} photos, a fresh process each way", head, rows)
        _sandbox(photos, scratch)


def _row(name: str, cost: measure.Cost, to: measure.Cost, count: int) -> list[str]:
    numbers = (1000 * cost.cpu / count, 1000 * cost.wall / count, cost.memory / 1e6)
    return [name, *(f"{number:.0f}" for number in numbers), f"{cost.cpu / to.cpu:.2f}"]


def _sandbox(photos: list[Path], scratch: Path) -> None:
    """What isolation costs: the same photos in this process, and through the child."""
    begun = time.perf_counter()
    for photo in photos:
        developing.develop(photo, scratch)
    here = time.perf_counter() - begun
    with Sandbox() as sandbox:
        sandbox.develop(photos[0], scratch)
        begun = time.perf_counter()
        for photo in photos:
            sandbox.develop(photo, scratch)
        there = time.perf_counter() - begun
    rows = [
        [name, f"{1000 * wall / len(photos):.0f}", f"{wall / here:.2f}"]
        for name, wall in (("in this process", here), ("through the sandbox", there))
    ]
    measure.table("Isolation", ("", "wall ms/photo", "ratio"), rows)
