"""What a search costs with more and more photos: queries and time of its page, beside what LIKE would cost.

    python -m benchmarks.searching 100 10000 100000 [--postgresql]

fills a database up to each of these sizes in turn, and requests the page of results through Django's test client. Compare only
figures of one run.
"""

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from benchmarks.measure import table

ROUNDS = 7
ALBUM = 1000
"""Photos of each album."""
CAMERAS = ("Canon EOS 5D Mark IV", "NIKON Z 6", "Apple iPhone 15 Pro", "SONY ILCE-7M4")
WORDS = [
    *("beach", "sunset", "mountain", "river", "family", "garden", "winter", "street"),
    *("museum", "dinner", "birthday", "harbour", "forest", "bridge"),
]
SEARCHES = {
    "one match": "0000042",
    "all match": "jpg",
    "a word of one in ten": "harbour",
    "two words": "harbour canon",
    "an album's title": "album 0",
    "ratings": "rating:>=5",
    "one year": "taken:2015",
    "ratings of a year, not by one camera": "rating:>=4 taken:2016 -camera:nikon",
}


@contextlib.contextmanager
def database(*, is_postgresql: bool) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        os.environ |= {"DATA_DIR": directory, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
        if is_postgresql:
            from tests.servers import PostgreSQL

            server = PostgreSQL()
            stack.callback(server.stop)
            server.start()
            os.environ["DATABASE_URL"] = server.new_database("searching")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        yield
        from django.db import connection

        connection.close()
        if is_postgresql:
            connection.close_pool()  # type: ignore[attr-defined]


def run(sizes: list[int], *, is_postgresql: bool) -> None:
    with database(is_postgresql=is_postgresql):
        library = _Library()
        columns = []
        for size in sizes:
            library.fill(size)
            columns.append(library.costs())
    rows = [[name, *(f"{column[name]:.4g}" for column in columns)] for name in columns[0]]
    table(f"Searches on {'PostgreSQL' if is_postgresql else 'SQLite'}", ["photos", *map(str, sizes)], rows)


class _Library:
    """A user's albums, and what requests of them cost."""

    def __init__(self) -> None:
        from django.contrib.auth.models import User
        from django.test import Client

        self.owner = User.objects.create(username="owner")
        self.client = Client(HTTP_HOST="127.0.0.1")
        self.client.force_login(self.owner)
        self.size = self.statements = 0
        self.random = random.Random(1)

    def fill(self, size: int) -> None:
        from django.db import connection

        from albums.models import Album, Photo

        while self.size < size:
            count = min(ALBUM, size - self.size)
            album = Album.objects.create(title=f"Album {self.size // ALBUM}", owner=self.owner)
            Photo.objects.bulk_create(self._photo(album, self.size + number) for number in range(count))
            self.size += count
        if connection.vendor == "postgresql":  # where autovacuum does so
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    def costs(self) -> dict[str, float]:
        costs: dict[str, float] = {}
        for name, text in SEARCHES.items():
            costs[f"{name}: queries"] = self._queries(text)
            costs[f"{name}: page, ms"] = self._milliseconds(partial(self._request, text))
            costs[f"{name}: live count, ms"] = self._milliseconds(partial(self._request, text, "count/"))
        costs["LIKE, one match, ms"] = self._milliseconds(lambda: self._like("0000042"))
        costs["LIKE, all match, ms"] = self._milliseconds(lambda: self._like("jpg"))
        return costs

    def _photo(self, album: Any, number: int) -> Any:
        from albums.models import Photo

        identity, caption = f"{number:064}", self.random.sample(WORDS, 3)
        day = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=self.random.randrange(10 * 365 * 1440))
        return Photo(
            **{"album": album, "position": number, "name": f"IMG_{number:07}.JPG", "format": "JPEG", "width": 6000},
            **{"height": 4000, "original_key": identity, "original_bytes": 1, "original_sha256": identity},
            **{"caption": " ".join(caption), "keywords": caption[:2], "camera": CAMERAS[number % 4], "taken_at": day},
            **{"rating": number % 6, "placeholder": "data:image/webp;base64," + "A" * 80},
        )

    def _request(self, text: str, path: str = "") -> None:
        assert self.client.get(f"/search/{path}", {"q": text}).status_code == 200

    def _queries(self, text: str) -> float:
        from django.db import connection

        self.statements = 0
        with connection.execute_wrapper(self._count):
            self._request(text)
        return self.statements

    def _count(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.statements += 1
        return execute(*arguments)

    def _milliseconds(self, action: Callable[[], object]) -> float:
        """Of CPU on SQLite, so that other work on the machine matters less; the server's work shows only as wall time."""
        from django.db import connection

        clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
        times = []
        for _ in range(ROUNDS):
            begun = clock()
            action()
            times.append(1000 * (clock() - begun))
        return statistics.median(times)

    def _like(self, text: str) -> object:
        """The page's rows and count without the index, over the same texts."""
        from django.db.models import Q

        from albums.models import Photo

        columns = ("name", "title", "caption", "keywords", "camera", "lens", "creator", "album__title")
        matching = Q(*((f"{column}__icontains", text) for column in columns), _connector=Q.OR)
        photos = Photo.objects.visible_to(self.owner).shown().filter(matching)
        return photos.count(), list(photos.order_by("-taken_at")[:100])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[100, 10_000, 100_000])
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    run(options.sizes, is_postgresql=options.postgresql)
