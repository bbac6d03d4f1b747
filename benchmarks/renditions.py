"""Four WebP renditions per photo, compared with naive Pillow, sharp, libvips and ImageMagick in one run, and how good each looks.

Each way is a process for all the photos, and what the same process costs without a photo is taken off: servers start once. Ours
runs with the child's environment. Rounds alternate, and the best of each
figure counts: what else the machine does then troubles all alike. The scores are SSIMULACRA2's against the photo made as small
in one step.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks import measure, peers
from processing.pipeline.process.client import ENVIRONMENT

ROUNDS = 3
EDGES = (2560, 1600, 800, 400)
DARKROOM, USUAL, CHAIN = "Darkroom", "sharp, as usually written", "sharp, best chain, same effort"

NAIVE = """
import sys
from pathlib import Path
from PIL import Image, ImageOps
out, *photos = sys.argv[1:]
for number, photo in enumerate(photos):
    to = Path(out) / str(number)
    to.mkdir(parents=True)
    with Image.open(photo) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
        for edge in (2560, 1600, 800, 400):
            small = image.copy()
            small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
            small.save(to / f"{edge}.webp", quality=82)
"""
OURS = """
import sys
from pathlib import Path
from processing.pipeline.render import develop
out, *photos = sys.argv[1:]
for number, photo in enumerate(photos):
    develop.develop(Path(photo), Path(out) / str(number))
"""
MAGICK = """
out="$1"; shift; number=0
for photo in "$@"; do
    mkdir -p "$out/$number"
    convert-im6.q16 "$photo" -auto-orient -strip -resize '2560x2560>' -quality 82 -define webp:method=2 \\
        -write "$out/$number/2560.webp" \\
        -resize '1600x1600>' -write "$out/$number/1600.webp" -quality 80 \\
        -resize '800x800>' -write "$out/$number/800.webp" -resize '400x400>' "$out/$number/400.webp"
    number=$((number + 1))
done
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A command that takes a folder and photos, and the environment it runs in."""

    name: str
    command: list[str]
    environment: dict[str, str] | None = None


def run() -> None:
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        photos, ways = measure.photos(scratch), list(_ways())
        costs: dict[str, list[measure.Cost]] = {encoder.name: [] for encoder in ways}
        for _ in range(ROUNDS):
            for encoder in ways:
                costs[encoder.name].append(_cost(encoder, photos, scratch / encoder.name))
        best = {name: _best(rounds) for name, rounds in costs.items()}
        _print_costs(best, photos)
        _print_looks([encoder.name for encoder in ways], photos, scratch)


def _ways() -> Iterator[Way]:
    peers.node()
    yield Way(DARKROOM, [sys.executable, "-c", OURS], ENVIRONMENT | {"PYTHONPATH": str(measure.ROOT)})
    yield Way("naive Pillow", [sys.executable, "-c", NAIVE])
    for name, encoder in ((USUAL, "usual"), (CHAIN, "chain")):
        yield Way(name, ["node", str(peers.HERE / "pictures.mjs"), encoder])
    yield Way("pyvips, chain, same effort", [str(peers.python()), str(peers.HERE / "pictures_vips.py")])
    if shutil.which("convert-im6.q16"):
        yield Way("ImageMagick, chain, same effort", ["sh", "-c", MAGICK, "sh"])
    else:
        print("There is no ImageMagick here to measure beside (apt install imagemagick).")


def _cost(encoder: Way, photos: list[Path], out: Path) -> measure.Cost:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    start = measure.process([*encoder.command, str(out)], encoder.environment)
    total = measure.process([*encoder.command, str(out), *map(str, photos)], encoder.environment)
    return measure.Cost(total.cpu - start.cpu, total.wall - start.wall, total.memory)


def _best(rounds: list[measure.Cost]) -> measure.Cost:
    figures: tuple[Callable[[measure.Cost], float], ...] = (lambda c: c.cpu, lambda c: c.wall)
    cpu, wall = (min(map(figure, rounds)) for figure in figures)
    return measure.Cost(cpu, wall, min(cost.memory for cost in rounds))


def _print_costs(best: dict[str, measure.Cost], photos: list[Path]) -> None:
    count, usual, chain = len(photos), best[USUAL], best[CHAIN]
    rows = [
        [
            name,
            *(f"{1000 * seconds / count:.0f}" for seconds in (cost.cpu, cost.wall)),
            f"{count / cost.wall:.2f}",
            f"{cost.memory / 1e6:.0f}",
            *(f"{cost.cpu / peer.cpu:.2f} {cost.wall / peer.wall:.2f}" for peer in (usual, chain)),
        ]
        for name, cost in best.items()
    ]
    title = f"Four WebP renditions of {count} {measure.kind(photos)}, best of {ROUNDS}; load {os.getloadavg()[0]:.1f}"
    head = ("", "CPU ms", "wall ms", "photos/s", "peak MB", "to usual sharp", "to its chain")
    measure.table(title, head, rows)


def _print_looks(names: list[str], photos: list[Path], scratch: Path) -> None:
    pairs = [
        (str(photo), str(scratch / name / str(number) / f"{edge}.webp"))
        for name in names
        for number, photo in enumerate(photos)
        for edge in EDGES
        if (scratch / name / str(number) / f"{edge}.webp").exists()
    ]
    judge = [str(peers.python()), str(peers.HERE / "judge.py")]
    judged = subprocess.run(judge, input=json.dumps(pairs), capture_output=True, text=True, check=True)
    scores = {rendition: score for (_, rendition), score in zip(pairs, json.loads(judged.stdout), strict=True)}
    rows = []
    for name in names:
        cells = []
        for edge in EDGES:
            files = list((scratch / name).glob(f"*/{edge}.webp"))
            measured = [scores[str(file)] for file in files if str(file) in scores]
            kilobytes = mean(file.stat().st_size for file in files) / 1000
            cells.append(f"{kilobytes:.0f} kB {mean(measured):.1f}" if measured else f"{kilobytes:.0f} kB")
        total = sum(file.stat().st_size for file in (scratch / name).glob("*/*.webp"))
        usual = sum(file.stat().st_size for file in (scratch / USUAL).glob("*/*.webp"))
        rows.append([name, *cells, f"{total / usual:.3f}"])
    title = "What came out: bytes a photo, and SSIMULACRA2"
    measure.table(title, ("", *map(str, EDGES), "bytes to sharp"), rows)


if __name__ == "__main__":
    run()
