"""Decompression bombs: pictures of a few kilobytes that would fill memory. Their jobs fail within seconds in bounded memory."""

import io
import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import polling
from tests.installation import UNDONE, Installation
from tests.processing import making
from tests.support import processes

pytestmark = [pytest.mark.faults, pytest.mark.servers]

MEBI = 1 << 20
SIDE = 30_000
MAX_CHILD_BYTES = 512 * MEBI + 128 * MEBI
"""PIPELINE_MEMORY, and the code of Python and the libraries, which RLIMIT_DATA does not count."""
MAX_WORKER_BYTES, MAX_WEB_BYTES = 160 * MEBI, 200 * MEBI
MAX_CPU_SECONDS = 30
"""CPU time, which hardly depends on other work of the machine."""


def zeros(count: int) -> bytes:
    """Return `count` zero bytes as zlib data, quickly: one compressed block repeated, then the remainder and the checksum."""
    block = 16 * MEBI
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    compressed_block = compressor.compress(b"\0" * block) + compressor.flush(zlib.Z_FULL_FLUSH)
    remainder = compressor.compress(b"\0" * (count % block)) + compressor.flush()
    return b"\x78\xda" + compressed_block * (count // block) + remainder + struct.pack(">HH", count % 65521, 1)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, bits: int = 1) -> bytes:
    """A valid PNG with only black pixels, which a decoder accepts."""
    head = struct.pack(">IIBBBBB", width, height, min(bits, 8), 2 if bits == 24 else 0, 0, 0, 0)
    pixels = zeros(height * (1 + (width * bits + 7) // 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_with_text() -> bytes:
    """A small picture with a text chunk that decompresses to half a gigabyte."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    after_head = 33
    return (
        file.getvalue()[:after_head] + chunk(b"zTXt", b"Comment\0\0" + zeros(512 * MEBI)) + file.getvalue()[after_head:]
    )


def gif(side: int) -> bytes:
    screen = struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00;"


def jpeg(side: int) -> bytes:
    """A small JPEG with another size in its header."""
    content = bytearray(making.jpeg((64, 64)))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def webp(side: int) -> bytes:
    """A WebP with a huge canvas and a small frame."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "WEBP")
    extended = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + (side - 1).to_bytes(3, "little") * 2
    chunks = extended + file.getvalue()[12:]
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def tiff(side: int) -> bytes:
    """A bilevel image in one strip, compressed by CCITT group 4."""
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "TIFF", compression="group4")
    return file.getvalue()


def bmp(side: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 64, 0, 0, 54) + head + b"\0" * 64


BOMBS: dict[str, Callable[[], bytes]] = {
    "black.png": lambda: png(SIDE, SIDE),
    "four-gigabytes.png": lambda: png(40_000, 36_000, 24),
    "words.png": png_with_text,
    "screen.gif": lambda: gif(SIDE),
    "frame.jpg": lambda: jpeg(SIDE),
    "canvas.webp": lambda: webp(SIDE),
    "fax.tif": lambda: tiff(SIDE),
    "sheet.bmp": lambda: bmp(SIDE),
}
HARMLESS = {"words.png"}
"""A valid picture of 64 x 48: its text may be dropped or the file rejected, but memory must stay bounded."""


SETTINGS = {"SWEEP_SECONDS": "1", "BACKOFF_BASE_SECONDS": "0.01", "MAX_ATTEMPTS": "2"}
NO_PIXEL_LIMITS = {"MAX_JPEG_MEGAPIXELS": "1000000", "MAX_OTHER_MEGAPIXELS": "1000000"}


@pytest.fixture(params=[{}, NO_PIXEL_LIMITS], ids=["as installed", "with memory as the only limit"])
def installation(request, tmp_path) -> Iterator[Installation]:
    with Installation(tmp_path, SETTINGS | request.param) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


def test_jobs_of_decompression_bombs_fail_in_seconds_and_in_bounded_memory(installation, capsys):
    bombs = {name: make() for name, make in BOMBS.items()}
    session = installation.sign_in()
    album = installation.new_album(session, "Bombs")

    with watching_memory(installation) as peaks:
        assert installation.send(session, album, bombs).status_code == 200
        status = polling.until(lambda: at_rest(installation), 400, "a bomb is still being processed")
    seconds = cpu_seconds(installation.processes["run_huey"].pid)

    with capsys.disabled():
        sizes = ", ".join(f"{name} {len(content) / 1024:.0f} KiB" for name, content in bombs.items())
        peak_texts = ", ".join(f"{name} {peak / MEBI:.0f} MiB" for name, peak in sorted(peaks.items()))
        sys.stdout.write(
            f"\nbombs ({sizes}): {status['jobs']['failed']} failed in {seconds:.1f} s of CPU; peaks: {peak_texts}\n"
        )
    assert len(bombs) - len(HARMLESS) <= status["jobs"]["failed"] <= len(bombs)
    assert seconds < MAX_CPU_SECONDS
    assert peaks["child"] < MAX_CHILD_BYTES
    assert peaks["run_huey"] < MAX_WORKER_BYTES
    assert peaks["serve"] < MAX_WEB_BYTES
    assert {process.poll() for process in installation.processes.values()} == {None}
    installation.manage("verify")


def at_rest(installation: Installation) -> dict[str, Any]:
    if installation.ask(UNDONE) != [(0,)]:
        return {}
    status = installation.status()
    return {} if status["jobs"]["pending"] or status["jobs"]["processing"] else status


@contextmanager
def watching_memory(installation: Installation) -> Iterator[dict[str, int]]:
    """Yield the peak resident memory of each kind of process, from the kernel's own high-water mark."""
    peaks = {"serve": 0, "run_huey": 0, "child": 0}
    is_over = threading.Event()

    def measure() -> None:
        while not is_over.wait(0.005):
            worker, *children = process_tree(installation.processes["run_huey"].pid)
            peaks["run_huey"] = max(peaks["run_huey"], peak(worker))
            peaks["child"] = max(peaks["child"], *map(peak, children), 0)
            peaks["serve"] = max(peaks["serve"], *map(peak, process_tree(installation.processes["serve"].pid)))

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        yield peaks
    finally:
        is_over.set()
        thread.join(60)


def process_tree(pid: int) -> list[int]:
    """Return the process ID and those of all its descendants."""
    return [pid, *(descendant for child in processes.children(pid) for descendant in process_tree(child))]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of the process and of its descendants, including those that have ended."""
    ticks = 0
    for process in process_tree(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    values = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(values[0]) * 1024 if values else 0
