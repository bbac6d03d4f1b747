"""What a full PostgreSQL costs: the statements of queue and pages with more and more photos, jobs and uploads.

    python -m benchmarks.scale 100000 1000000 10000000 [--plans]

fills one database up to each of these sizes in turn, and asks it through the product's own functions and pages. What stays the
same from column to column is constant. `--plans` shows what PostgreSQL does for the slowest statement of each, at the last size.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import table
from tests.servers import PostgreSQL

ROUNDS = 5
ALBUM = 250
"""Photos of each album; one in a hundred has a batch at work."""
BUSY = 20
"""Of the files of such a batch, those that wait."""
FAILING = 1000
"""One file of so many fails."""

FILL = """
    INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
    SELECT n, '', false, 'person ' || n, '', '', '', false, true, now() FROM generate_series(1, 100) n ON CONFLICT DO NOTHING;

    INSERT INTO albums_album (id, title, owner_id, created_at)
    SELECT n, 'Album ' || n, 1 + n %% 100, now() - interval '12 days' + n * interval '25 s'
    FROM generate_series(%(first)s / {album} + 1, %(last)s / {album}) n;

    INSERT INTO processing_batch (id, album_id, opened_by_id, source, opened_at, dismissed_at, finished_at)
    SELECT id, id, owner_id, 'page', created_at, CASE WHEN id %% 3 = 0 THEN now() END, CASE WHEN id %% 100 > 0 THEN now() END
    FROM albums_album WHERE id > %(first)s / {album};

    CREATE TEMPORARY TABLE file AS
    SELECT n, n / {album} + 1 AS album, md5('upload' || n)::uuid AS upload, md5(n::text) || md5('-' || n) AS sha256,
           now() - interval '12 days' + n * interval '0.1 s' AS at,
           CASE WHEN (n / {album}) %% 100 = 99 AND n %% {album} < {busy} THEN 'pending'
                WHEN n %% {failing} = 500 THEN 'failed' WHEN n %% 500 = 1 THEN 'cancelled' ELSE 'completed' END AS state
    FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) n;

    INSERT INTO albums_photo (id, position, name, title, caption, keywords, original_key, original_bytes, original_sha256, format,
        width, height, placeholder, camera, lens, creator, copyright, created_at, album_id, checked_at, verified_at, notes,
        taken_from, profile)
    SELECT n, n, n || '.jpg', '', '', '[]', 'originals/' || sha256, 12000000, sha256, 'JPEG', 6000, 4000, '', 'Camera', '',
        '', '', at, album, at, at, '[]', '', '' FROM file WHERE state = 'completed';

    INSERT INTO albums_rendition (photo_id, edge, format, key, width, height, bytes, sha256, recipe)
    SELECT n, 400, 'webp', 'renditions/' || sha256 || '/400.webp', 400, 300, 20000, sha256, '2'
    FROM file WHERE state = 'completed';

    INSERT INTO processing_upload (id, name, state, size, sha256, code, message, note, created_at, ended_at, expires_at, album_id,
        batch_id, arrived, declared_sha256, metadata{place})
    SELECT upload, n || '.jpg', 'received', 12000000, sha256, '', '', '', at, at, at, album, album, 12000000, '', ''{empty}
    FROM file;

    INSERT INTO processing_upload (id, name, state, size, sha256, code, message, note, created_at, ended_at, expires_at, album_id,
        batch_id, arrived, declared_sha256, metadata{place})
    SELECT md5('double' || n)::uuid, n || '.jpg', 'refused', 12000000, sha256, 'duplicate', 'It is there.', '', at, at, at, album,
        album, 0, '', ''{empty} FROM file WHERE n %% 100 = 7;

    INSERT INTO processing_processingjob (id, upload_id, batch_id, album_id, photo_id, original_filename, stem, raw_path, state,
        error_code, error_message, attempts, turn, run_after, worker, created_at, updated_at, started_at, finished_at)
    SELECT n, upload, album, album, CASE WHEN state = 'completed' THEN n END, n || '.jpg', n::text, 'incoming/' || upload, state,
        CASE WHEN state = 'failed' THEN 'broken' ELSE '' END, CASE WHEN state = 'failed' THEN 'Broken.' ELSE '' END, 1,
        n %% {album}, at, 'worker', at, at, at, CASE WHEN state <> 'pending' THEN at END FROM file;

    INSERT INTO processing_jobevent (job_id, at, edge, attempt, code, detail, by)
    SELECT n, at, 'complete', 1, '', '', '' FROM file WHERE state = 'completed';

    DROP TABLE file;
"""
INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename ~ '^(albums|processing)_'
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@dataclass
class Cost:
    """What one read costs the database: milliseconds in total, its statements, and the slowest of them."""

    milliseconds: float = 0.0
    statements: int = 0
    slowest: tuple[float, str, Any] = (0.0, "", None)

    def watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent = 1000 * (time.perf_counter() - begun)
            self.milliseconds += spent
            self.statements += 1
            self.slowest = max(self.slowest, (spent, sql, params), key=lambda timing: timing[0])


@dataclass
class Column:
    size: int
    costs: dict[str, Cost] = field(default_factory=dict)


def run(sizes: list[int], plans: bool = False) -> None:
    with _database():
        columns, previous_size = [], 0
        for size in sizes:
            _fill(previous_size, size)
            previous_size = size
            columns.append(Column(size, {name: _cost(read) for name, read in _reads()}))
        _print(columns)
        if plans:
            _print_plans(columns[-1])


@contextlib.contextmanager
def _database() -> Iterator[None]:
    """Django on a PostgreSQL of its own, which is gone afterwards."""
    server = PostgreSQL()
    server.start()
    try:
        with tempfile.TemporaryDirectory() as directory:
            os.environ |= {"DATABASE_URL": server.new_database(), "DATA_DIR": directory, "LOG_LEVEL": "ERROR"}
            os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            call_command("collectstatic", verbosity=0, interactive=False)
            yield
            from django.db import connection

            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
    finally:
        server.stop()


def _fill(first: int, last: int) -> None:
    """Without indexes, which are then made at once: that takes a fraction of the time."""
    from django.db import connection

    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET session_replication_role = replica"
        )
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute(
            "SELECT 1 FROM information_schema.columns WHERE table_name = 'processing_upload' AND column_name = 'place'"
        )
        is_placed = cursor.fetchone()
        place = {"place": ", place", "empty": ", ''"} if is_placed else {"place": "", "empty": ""}
        cursor.execute(FILL.format(album=ALBUM, busy=BUSY, failing=FAILING, **place), {"first": first, "last": last})
        for _, definition in indexes:
            cursor.execute(definition)
        for table_name, column in (
            ("albums_album", "id"),
            ("processing_batch", "id"),
            ("processing_processingjob", "id"),
        ):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table_name}', '{column}'), (SELECT max(id) FROM {table_name}))"
            )
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    print(f"{last:,} photos after {time.perf_counter() - begun:.0f} s of filling", flush=True)


def _reads() -> Iterator[tuple[str, Callable[[], object]]]:
    """Names, and what is asked: by the queue, by the intake, and by pages."""
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.test import Client
    from django.utils import timezone

    from albums.models import Album
    from processing import jobs
    from processing.integrity import post_write, scrub
    from processing.jobs import transitions
    from processing.maintenance import sweep
    from processing.queries import album_progress, album_report, queue_overview
    from processing.uploads import batches

    album = Album.objects.order_by("pk")[99]
    batch = album.batches.get()

    def undone(act: Callable[[], object]) -> Callable[[], None]:
        def read() -> None:
            with transaction.atomic():
                act()
                transaction.set_rollback(True)

        return read

    def page(address: str, person: User) -> Callable[[], object]:
        client = Client()
        client.force_login(person)

        def read() -> None:
            answer = client.get(address, headers={"host": "localhost"})
            assert answer.status_code == 200, (address, answer.status_code)

        return read

    keeper, _ = User.objects.get_or_create(pk=1000, username="keeper", is_superuser=True)
    person = User.objects.get(pk=1 + album.pk % 100)
    yield "claim", undone(lambda: jobs.claim_next("benchmark"))
    yield "a new job's turn", lambda: transitions._next_turn(album.pk)
    yield "lock: may a batch be opened?", lambda: batches.running_in(album)
    yield "a photo to read back", lambda: post_write.due().first()
    yield "background check", lambda: scrub._next(timezone.now())
    yield "sweep", undone(sweep.sweep)
    yield "panel", lambda: (album_progress.build(album), album_report.build(album))
    yield "queue_status", lambda: queue_overview.build(Album.objects.all())
    for role, name in ((keeper, "keeper"), (person, "person")):
        yield f"albums, {name}", page("/albums/", role)
        yield f"album, {name}", page(f"/albums/{album.pk}/", role)
        yield f"batches, {name}", page("/batches/", role)
        yield f"batch, {name}", page(f"/batches/{batch.pk}/", role)
        yield f"jobs, {name}", page("/jobs/", role)
        yield f"failures, {name}", page("/failures/", role)


def _cost(read: Callable[[], object]) -> Cost:
    """The best of a few rounds: what else the machine does adds to all of them."""
    from django.db import connection

    costs = []
    for _ in range(ROUNDS):
        cost = Cost()
        with connection.execute_wrapper(cost.watch):
            read()
        costs.append(cost)
    return min(costs, key=lambda cost: cost.milliseconds)


def _print(columns: list[Column]) -> None:
    rows = [
        (name, str(cost.statements), *(f"{column.costs[name].milliseconds:.1f} ms" for column in columns))
        for name, cost in columns[-1].costs.items()
    ]
    table("Time in PostgreSQL", ("", "statements", *(f"{column.size:,}" for column in columns)), rows)


def _print_plans(column: Column) -> None:
    from django.db import connection

    for name, cost in column.costs.items():
        spent, sql, params = cost.slowest
        print(f"\n{name}: {spent:.1f} of {cost.milliseconds:.1f} ms in\n  {sql[:2000]}")
        if sql.lstrip("(").startswith(("SELECT", "UPDATE")):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                print("\n".join(f"    {line}" for (line,) in cursor.fetchall()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--plans", action="store_true", help="show the plan of each slowest statement")
    arguments = parser.parse_args(sys.argv[1:])
    run(arguments.sizes, arguments.plans)
