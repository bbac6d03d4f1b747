"""What it costs to move all photos of an album, to copy and to delete them, and to undo each, with more and more photos.

    python -m benchmarks.moving 100 10000 100000
    python -m benchmarks.moving --postgresql 100 10000 100000

fills one album per size on SQLite, or on a PostgreSQL server that it starts. Every row changes, so the time for a thousand photos
should stay the same, and so should the statements of a step. Each photo has an original and two renditions, of a few bytes.
At most MAX_COPIED photos of an album are copied, because copies are files.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

from benchmarks import arranging
from benchmarks.measure import table

MAX_COPIED = 10_000


def run(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {"DATA_DIR": directory, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        call_command("migrate", verbosity=0)
        costs = []
        for size in sizes:
            costs.append(_costs(size))
            sys.stderr.write(f"{size} photos: {costs[-1]}\n")
        rows = [[name, *(f"{cost[name]:.3g}" if name in cost else "-" for cost in costs)] for name in costs[0]]
        unit = "CPU" if connection.vendor == "sqlite" else "wall time"
        table(f"All photos of an album, {connection.vendor}, {unit}", ["photos", *map(str, sizes)], rows)


def _costs(size: int) -> dict[str, float]:
    from django.contrib.auth.models import User

    from albums.models import Album
    from albums.operations import engine
    from tests.albums.grid.filling import fill

    owner = User.objects.create(username=f"owner of {size}")
    album = Album.objects.create(title=str(size), owner=owner)
    target = Album.objects.create(title="Target", owner=owner)
    for first in range(0, size, 5000):
        fill(album, min(5000, size - first))
    costs: dict[str, float] = {}
    place = {"album": target.pk, "known": 0}
    actions: list[tuple[str, dict[str, Any]]] = [("move", place), ("delete", {})]
    if size <= MAX_COPIED:
        _store_files(album)
        actions.append(("copy", place))
    for kind, params in actions:
        operation = _Measured(partial(_start, owner, kind, params, album))
        costs |= operation.costs(kind, size)
        assert operation.row.done == size
        undone = _Measured(partial(engine.undo, operation.row))
        costs |= undone.costs(f"undo {kind}", size)
        assert undone.row.kept == 0
    return costs


def _store_files(album: Any) -> None:
    from albums.models import Photo, Rendition
    from tests.albums.moving import library

    for key in Photo.objects.filter(album=album).values_list("original_key", flat=True):
        library.write(key, b"original")
    for key in Rendition.objects.filter(photo__album=album).values_list("key", flat=True):
        library.write(key, b"rendition")


def _start(owner: Any, kind: str, params: dict[str, Any], album: Any) -> Any:
    from albums import operations
    from albums.selection import Selection

    return operations.start(owner, kind, params, Selection(is_all=True, album_id=album.pk))


class _Measured:
    """An operation from its request until it has ended."""

    def __init__(self, begin: Callable[[], Any]) -> None:
        from django.db import connection

        from albums.operations import engine

        # CPU on SQLite, because other work on the machine does not affect it; PostgreSQL's work is done by another process.
        clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
        self.statements = 0
        begun = clock()
        with connection.execute_wrapper(self._count):
            self.row = begin()
            self.request_seconds = clock() - begun
            engine.run(self.row.pk, float("inf"))
        self.seconds = clock() - begun
        self.row.refresh_from_db()

    def _count(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.statements += 1
        return execute(*arguments)

    def costs(self, name: str, size: int) -> dict[str, float]:
        from albums.moving.duplication import Copy
        from albums.operations import STEP_PHOTOS

        photos = (Copy.step_photos or STEP_PHOTOS) if "copy" in name else STEP_PHOTOS
        return {
            f"{name}: request, s": self.request_seconds,
            f"{name}: s for 1,000 photos": 1000 * self.seconds / size,
            f"{name}: statements for {photos} photos": self.statements / -(-size // photos),
        }


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:] if size.isdigit()] or [100, 10_000, 100_000]
    with arranging.postgresql() if "--postgresql" in sys.argv else nullcontext():
        run(sizes)
