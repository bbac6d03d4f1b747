"""What an album's first window and its months cost with more and more photos.

    python -m benchmarks.album_page 100 10000 100000

fills one album per size on SQLite, and requests its page through Django's test client. Times are relative within one run.
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
from typing import Any

from benchmarks.measure import table

ROUNDS = 15


def run(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {"DATA_DIR": directory, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        columns = [_cost(size) for size in sizes]
    rows = [[name, *(f"{column[name]:.4g}" for column in columns)] for name in columns[0]]
    table("An album's page", ["photos", *map(str, sizes)], rows)


def _cost(size: int) -> dict[str, float]:
    from datetime import UTC, datetime

    from django.contrib.auth.models import User
    from django.test import Client

    from albums.models import Album
    from tests.albums.grid.filling import fill

    owner = User.objects.create(username=f"owner of {size}")
    album = Album.objects.create(title=str(size), owner=owner)
    taken_at = datetime(2026, 6, 15, tzinfo=UTC)
    for first in range(0, size, 5000):
        fill(album, min(5000, size - first), taken_at=taken_at, placeholder="data:image/webp;base64," + "A" * 80)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(owner)
    queries, html, milliseconds = _request(client, f"/albums/{album.pk}/")
    return {
        "queries of the page": queries,
        "page, ms": milliseconds,
        "page, kB": len(html) / 1000,
        "page, kB in gzip": len(gzip.compress(html)) / 1000,
        "window, ms": _request(client, f"/albums/{album.pk}/photos/")[2],
        "months, ms": _request(client, f"/albums/{album.pk}/months/")[2],
    }


def _request(client: Any, path: str) -> tuple[int, bytes, float]:
    """Returns the number of queries, the body, and the median time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        html = client.get(path).content
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        client.get(path)
        times.append(1000 * (time.perf_counter() - begun))
    return len(queries), html, statistics.median(times)


if __name__ == "__main__":
    run([int(size) for size in sys.argv[1:]] or [100, 100_000])
