"""What an album's first window and its months cost with more and more photos.

    python -m benchmarks.album_page 100 10000 100000

fills one album per size on SQLite, and requests its page through Django's test client. Compare only figures of one run.
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measure import table

ROUNDS = 15
PATHS = {"page": "", "window": "photos/", "months": "months/"}
PLACEHOLDER = "data:image/webp;base64," + "A" * 80


def run(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {"DATA_DIR": directory, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        _print(sizes, [_Album(size) for size in sizes])


def _print(sizes: list[int], albums: list[Any]) -> None:
    # In turns, so that other work on the machine affects all sizes alike.
    for _ in range(ROUNDS):
        for album in albums:
            album.request()
    rows = [[name, *(f"{album.costs()[name]:.4g}" for album in albums)] for name in albums[0].costs()]
    table("An album's page", ["photos", *map(str, sizes)], rows)


class _Album:
    """An album of that many photos, and what requests of it have cost."""

    def __init__(self, size: int) -> None:
        from django.contrib.auth.models import User
        from django.test import Client

        from albums.models import Album
        from tests.albums.grid.filling import fill, taken

        owner = User.objects.create(username=f"owner of {size}")
        album = Album.objects.create(title=str(size), owner=owner)
        for first in range(0, size, 5000):
            fill(album, min(5000, size - first), taken_at=taken("2026-06-15T12:00"), placeholder=PLACEHOLDER)
        self.client = Client(HTTP_HOST="127.0.0.1")
        self.client.force_login(owner)
        self.paths = {name: f"/albums/{album.pk}/{path}" for name, path in PATHS.items()}
        self.milliseconds: dict[str, list[float]] = {name: [] for name in PATHS}
        self.statements = 0
        self.html = b""

    def request(self) -> None:
        from django.db import connection

        for name, path in self.paths.items():
            begun = time.process_time()
            with connection.execute_wrapper(self._count):
                self.statements = 0
                html = self.client.get(path).content
            self.milliseconds[name].append(1000 * (time.process_time() - begun))
            if name == "page":
                self.html, self.queries = html, self.statements

    def _count(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.statements += 1
        return execute(*arguments)

    def costs(self) -> dict[str, float]:
        return {
            "queries of the page": self.queries,
            "page, kB": len(self.html) / 1000,
            "page, kB in gzip": len(gzip.compress(self.html)) / 1000,
            **{f"{name}, ms of CPU": statistics.median(times) for name, times in self.milliseconds.items()},
        }


if __name__ == "__main__":
    run([int(size) for size in sys.argv[1:]] or [100, 100_000])
