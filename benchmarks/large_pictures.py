"""What large pictures take: peak memory and time of the process that develops one, by format and megapixels.

Each is developed with PIPELINE_MEMORY's default if that suffices, else with what it asked for. It runs alone, as `python -m
benchmarks.large_pictures 51 102 200 --formats PNG TIFF`; pictures are made first, which takes HEIC and AVIF minutes at 200.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pillow_jxl  # noqa: F401 - teaches Pillow to write it
from PIL import Image

from benchmarks import measure
from processing.pipeline import ImageRejected
from processing.pipeline.errors import TooMuchMemory
from processing.pipeline.formats import heif_plugin
from processing.rendering.large_pictures import SPARE
from processing.rendering.sandbox import MEBI, Sandbox

heif_plugin.register()

MEGAPIXELS = (51, 102, 200)
USUAL = 512 * MEBI
WRITERS: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG": ("RGB", "JPEG", {"quality": 90}),
    "JPEG, progressive": ("RGB", "JPEG", {"quality": 90, "progressive": True}),
    "PNG": ("RGB", "PNG", {"compress_level": 1}),
    "PNG, transparent": ("RGBA", "PNG", {"compress_level": 1}),
    "TIFF": ("RGB", "TIFF", {}),
    "TIFF, LZW": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "WebP": ("RGB", "WEBP", {"quality": 80, "method": 0}),
    "HEIC": ("RGB", "HEIF", {"quality": 50, "enc_params": {"preset": "ultrafast"}}),
    "AVIF": ("RGB", "AVIF", {"quality": 50, "speed": 10}),
    "JPEG XL": ("RGB", "JXL", {"effort": 1}),
}


def run(megapixels: tuple[int, ...] = MEGAPIXELS, formats: tuple[str, ...] = tuple(WRITERS)) -> None:
    with tempfile.TemporaryDirectory() as directory:
        rows = [row for name in formats for row in _rows(name, megapixels, Path(directory))]
    measure.table("Large pictures", ("", "MP", "peak MB", "told MB", "s"), rows)


def _rows(name: str, megapixels: tuple[int, ...], scratch: Path) -> Iterator[list[str]]:
    mode, form, options = WRITERS[name]
    for mega in megapixels:
        source = scratch / "photo"
        try:
            _scene(mode, mega).save(source, form, **options)
            yield [name, str(mega), *_measured(source, scratch / "out")]
        except (OSError, ValueError, RuntimeError, ImageRejected) as error:  # x265 writes 142 MP at most
            yield [name, str(mega), str(error)[:60], "", ""]


def _scene(mode: str, mega: int) -> Image.Image:
    width = round((mega * 1_000_000 * 4 / 3) ** 0.5)
    noise = Image.merge(mode, [Image.effect_noise((400, 300), 60) for _ in mode])
    return noise.resize((width, width * 3 // 4), Image.Resampling.BICUBIC)


def _measured(source: Path, out: Path) -> list[str]:
    needed, begun = 0, time.perf_counter()
    for _ in range(3):
        # It stays, to be asked for its peak.
        usual = Sandbox(
            memory_bytes=max(USUAL, int(SPARE * needed)), wall_seconds=900, cpu_seconds=900, recycle_bytes=1 << 40
        )
        with usual as sandbox:
            try:
                sandbox.develop(source, out)
            except TooMuchMemory as heavy:
                needed = heavy.needed
                continue
            status = Path(f"/proc/{sandbox.pid}/status").read_text(encoding="ascii")
            peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
            budget = f"{needed / 1e6:.0f}" if needed else "usual"
            return [f"{peak / 1e6:.0f}", budget, f"{time.perf_counter() - begun:.0f}"]
    return ["too heavy", f"{needed / 1e6:.0f}", ""]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_pictures", description=__doc__)
    parser.add_argument("megapixels", nargs="*", type=int, default=MEGAPIXELS)
    parser.add_argument("--formats", nargs="*", default=list(WRITERS), choices=list(WRITERS))
    chosen = parser.parse_args()
    run(tuple(chosen.megapixels), tuple(chosen.formats))
