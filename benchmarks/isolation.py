"""What isolation costs: the same photos in this process, and through the child."""

import tempfile
import time
from pathlib import Path

from benchmarks import measure
from processing.pipeline.render import develop
from processing.rendering.sandbox import Sandbox


def run() -> None:
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        _compare(measure.photos(scratch), scratch)


def _compare(photos: list[Path], scratch: Path) -> None:
    begun = time.perf_counter()
    for photo in photos:
        develop.develop(photo, scratch)
    in_process = time.perf_counter() - begun
    with Sandbox() as sandbox:
        sandbox.develop(photos[0], scratch)
        begun = time.perf_counter()
        for photo in photos:
            sandbox.develop(photo, scratch)
        in_child = time.perf_counter() - begun
    rows = [
        [name, f"{1000 * wall / len(photos):.0f}", f"{wall / in_process:.2f}"]
        for name, wall in (("in this process", in_process), ("through the sandbox", in_child))
    ]
    measure.table("Isolation", ("", "wall ms/photo", "ratio"), rows)
