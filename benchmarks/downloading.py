"""Downloading an album as a ZIP file, beside reading its files and `zip -0`.

    python -m benchmarks.downloading --megabytes 2000

stores an album of 5 MB files in an installation of its own, and downloads it over HTTP from the production server. The files are
in the page cache for all of them, so that figures do not depend on the disk. Memory is the growth of the resident memory of the
server's processes while a download lasts.
"""

import argparse
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks import processes
from benchmarks.measure import table
from tests.installation import Installation

FILE_BYTES = 5_000_000
BLOCK = 1 << 18
SAMPLE_SECONDS = 0.02
FILL = """
import hashlib, os, zlib
from albums.models import Album, Photo
from django.conf import settings
album = Album.objects.get(pk={album})
for number in range({count}):
    content = os.urandom({size})
    key = f"originals/ab/{{number:032x}}.jpg"
    path = settings.DATA_DIR / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sha256, crc32 = hashlib.sha256(content).hexdigest(), zlib.crc32(content)
    Photo.objects.create(album=album, position=number, name=f"IMG_{{number:04}}.JPG", format="JPEG", width=4000, height=3000,
        original_key=key, original_bytes=len(content), original_sha256=sha256, crc32=crc32)
"""


def run(megabytes: int = 2000) -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        server = installation.start("serve").pid
        session = installation.sign_in()
        album = installation.new_album(session, "Benchmark")
        count = max(1, megabytes * 1_000_000 // FILE_BYTES)
        installation.manage("shell", "-c", FILL.format(album=album, count=count, size=FILE_BYTES))
        url = f"{installation.url}/albums/{album}/download.zip?size=original"
        size = int(session.head(url, timeout=600).headers["Content-Length"])
        folder = installation.data_dir / "originals" / "ab"
        _read_files(folder)  # so that all are in the page cache
        rows = [
            _row("read the files", size, lambda: _read_files(folder)),
            _row("download", size, lambda: _download(session, url), server),
            _row("download, second half", size // 2, lambda: _download(session, url, size // 2), server),
        ]
        if shutil.which("zip"):
            rows.insert(1, _row("zip -0", size, lambda: _zip(folder)))
        table(f"{count} files, {size / 1e6:.0f} MB", ["", "s", "MB/s", "CPU s", "memory MB"], rows)


def _row(name: str, size: int, work: Callable[[], None], server: int | None = None) -> list[str]:
    cpu_before = processes.cpu(server) if server else 0.0
    begun = time.perf_counter()
    with _memory_growth(server) as growth:
        work()
    seconds = time.perf_counter() - begun
    costs = [f"{processes.cpu(server) - cpu_before:.2f}", f"{growth[0] / 1e6:.1f}"] if server else ["", ""]
    return [name, f"{seconds:.2f}", f"{size / 1e6 / seconds:.0f}", *costs]


@contextmanager
def _memory_growth(server: int | None) -> Iterator[list[int]]:
    """Yields a list whose item is the largest growth of the server's resident memory in bytes."""
    growth, is_done = [0], threading.Event()
    before = processes.memory(server) if server else 0

    def watch() -> None:
        while server and not is_done.wait(SAMPLE_SECONDS):
            growth[0] = max(growth[0], processes.memory(server) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        is_done.set()
        watcher.join()


def _read_files(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with path.open("rb", buffering=0) as file:
            while file.read(BLOCK):
                pass


def _zip(folder: Path) -> None:
    with Path("/dev/null").open("wb") as nowhere:
        subprocess.run(["zip", "-0", "-q", "-r", "-", "."], cwd=folder, stdout=nowhere, check=True)


def _download(session: requests.Session, url: str, start: int = 0) -> None:
    with session.get(url, headers={"Range": f"bytes={start}-"}, stream=True, timeout=600) as response:
        received = sum(len(block) for block in iter(lambda: response.raw.read(BLOCK), b""))
        if received != int(response.headers["Content-Length"]):
            raise RuntimeError(f"Received {received} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    run(parser.parse_args().megabytes)
