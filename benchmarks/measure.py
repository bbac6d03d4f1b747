"""CPU, wall and peak memory of a child process; photos to measure with; a table to print."""

import os
import resource
import subprocess
import sys
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
    return real or [_made(scratch / f"made-{n}.jpg", n) for n in range(min(4, most))]


def child(code: str, *arguments: str) -> Cost:
    """Run Python code in a fresh process and see what it cost."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the measured process ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(cpu, time.perf_counter() - begun, usage.ru_maxrss * 1024)


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    print(f"\n{title}")
    for row in (list(head), *map(list, rows)):
        print("  " + row[0].ljust(34) + "".join(cell.rjust(14) for cell in row[1:]))


def _megapixels(path: Path) -> float:
    with Image.open(path) as image:
        return image.width * image.height / 1e6


def _made(path: Path, number: int) -> Path:
    noise = Image.effect_noise((1000, 750), 60 + number).resize((4000, 3000), Image.Resampling.BICUBIC)
    Image.merge("RGB", (noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT))).save(
        path, quality=92
    )
    return path
