"""CPU, wall and peak memory of a child process; photos to measure with; a table to print."""

import os
import resource
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", ROOT.parent / "shared" / "photos")) / "photos"
MOST = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU (user and system) and wall, and the peak resident memory in bytes."""

    cpu: float
    wall: float
    memory: int


def photos(scratch: Path, most: int = MOST) -> list[Path]:
    """Real camera photos of 8 megapixels and more where they are, made ones otherwise."""
    real = [path for path in sorted(PHOTOS.glob("*.[jJ][pP][gG]")) if _megapixels(path) > 8][:most]
    return real or [made(scratch / f"made-{n}.jpg", n) for n in range(min(4, most))]


def made(path: Path, number: int, size: tuple[int, int] = (4000, 3000)) -> Path:
    """Blurred noise, which costs a decoder and an encoder about what a photo does."""
    noise = Image.effect_noise((1000, 750), 60 + number).resize(size, Image.Resampling.BICUBIC)
    bands = (noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    Image.merge("RGB", bands).save(path, quality=92)
    return path


def kind(of: list[Path]) -> str:
    return "made pictures" if of[0].name.startswith("made-") else "real photos"


def process(command: list[str], environment: dict[str, str] | None = None) -> Cost:
    """Run a fresh process to its end and see what it and its children cost; the memory is that of the largest of them."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall, process.returncode = time.perf_counter() - begun, os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(cpu, wall, usage.ru_maxrss * 1024)


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    print(f"\n{title}")
    for row in (list(head), *map(list, rows)):
        print("  " + row[0].ljust(34) + "".join(cell.rjust(15) for cell in row[1:]))


def _megapixels(path: Path) -> float:
    with Image.open(path) as image:
        return image.width * image.height / 1e6
