"""What it costs to sort an album, to move one of its photos, and to read its first and last page, with more and more photos.

    python -m benchmarks.arranging 100 10000 100000
    python -m benchmarks.arranging --postgresql 100 10000 100000

fills one album per size on SQLite, or on a PostgreSQL server that it starts. Sorting and undoing it change every row, so their
time is given for a thousand photos; everything else should take the same time for all sizes. Compare only figures of one run.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.measure import table

ROUNDS = 3
MOVES = 15
SCATTERED = "(id * 7919 - id * 7919 / 1000003 * 1000003) / 100"
"""Minutes, up to 10,000, by which the photos are in another order than by id; the same in each run."""


def run(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {"DATA_DIR": directory, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        albums = [_Album(size) for size in sizes]
        # In turns, so that other work on the machine affects all sizes alike.
        for _ in range(ROUNDS):
            for album in albums:
                album.sort()
        for _ in range(MOVES):
            for album in albums:
                album.move()
        rows = [[name, *(f"{album.costs()[name]:.3g}" for album in albums)] for name in albums[0].costs()]
        table(f"Arranging an album, {connection.vendor}", ["photos", *map(str, sizes)], rows)


class _Album:
    """An album of that many photos, and what was measured with it."""

    def __init__(self, size: int) -> None:
        from django.contrib.auth.models import User
        from django.db import connection
        from django.test import Client

        from albums.models import Album
        from tests.albums.grid.filling import fill, taken

        self.size, self.owner = size, User.objects.create(username=f"owner of {size}")
        self.album = Album.objects.create(title=str(size), owner=self.owner)
        for first in range(0, size, 5000):
            fill(self.album, min(5000, size - first), taken_at=taken("2026-06-15T12:00"))
        # The distances of uploads, and dates and ratings in other orders.
        self.album.photos.update(position=_expression("id * 1000"), upload_position=_expression("id * 1000"))
        self.album.photos.update(taken_offset_minutes=_expression(SCATTERED), rating=_expression(f"{SCATTERED} / 2000"))
        if connection.vendor == "postgresql":  # its autovacuum does so; on SQLite, Darkroom never does
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        self.client = Client(HTTP_HOST="127.0.0.1")
        self.client.force_login(self.owner)
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self.statements: dict[str, int] = {}

    def sort(self) -> None:
        from albums.operations import engine

        for sorted_by in ("taken", "name", "rating"):
            with self._measure(f"sort by {sorted_by}"):
                operation = self._start("sort", {"sorted_by": sorted_by})
        with self._measure("undo sorting"):
            operation = engine.undo(operation)
        assert operation.kept == 0

    def move(self) -> None:
        from albums.models import Photo
        from albums.operations import engine
        from albums.selection import Selection

        photos = self.album.photos.order_by("position", "pk").values_list("pk", flat=True)
        first, middle = photos[0], photos[self.size // 2]
        params = {"selection": Selection((first,)).to_json(), "photo": middle, "is_behind": False}
        with self._measure("move one"):
            operation = self._start("place", params)
        with self._measure("undo moving one"):
            engine.undo(operation)
        last = Photo.objects.get(pk=photos.reverse()[min(99, self.size - 1)])
        for name, query in (("first page", ""), ("last page", f"?from={last.position}")):
            with self._measure(name):
                assert self.client.get(f"/albums/{self.album.pk}/{query}").status_code == 200

    def costs(self) -> dict[str, float]:
        from django.db import connection

        unit = "ms of CPU" if connection.vendor == "sqlite" else "ms"
        costs: dict[str, float] = {}
        for name, times in self.milliseconds.items():
            is_for_all = "sort" in name
            key = f"{name}, {unit}{' for 1,000 photos' if is_for_all else ''}"
            costs[key] = statistics.median(times) * (1000 / self.size if is_for_all else 1)
            costs[f"{name}, statements"] = self.statements[name]
        return costs

    def _start(self, kind: str, params: dict[str, Any]) -> Any:
        from albums import operations

        return operations.start(self.owner, kind, params | {"album": self.album.pk})

    @contextmanager
    def _measure(self, name: str) -> Iterator[None]:
        """Wall time for PostgreSQL, whose work is done by another process."""
        from django.db import connection

        clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
        self.statements[name] = 0

        def count(execute: Callable[..., Any], *arguments: Any) -> Any:
            self.statements[name] += 1
            return execute(*arguments)

        begun = clock()
        with connection.execute_wrapper(count):
            yield
        self.milliseconds[name].append(1000 * (clock() - begun))


def _expression(sql: str) -> Any:
    from django.db.models.expressions import RawSQL

    return RawSQL(sql, [])


@contextmanager
def postgresql() -> Iterator[None]:
    """Starts a server, which the environment names while the block runs."""
    from tests.servers import PostgreSQL

    server = PostgreSQL()
    try:
        server.start()
        os.environ["DATABASE_URL"] = server.new_database()
        yield
    finally:
        server.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sizes = [int(size) for size in arguments if size.isdigit()] or [100, 10_000, 100_000]
    if "--postgresql" in arguments:
        with postgresql():
            run(sizes)
    else:
        run(sizes)
