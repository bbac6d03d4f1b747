"""What one photo takes: processor, bytes on disk and in the database, rows. docs/sizing.md reckons with it.

`python -m benchmarks.sizing --photos 200 --postgresql` does it on a PostgreSQL of its own instead of SQLite.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import measure, processes
from tests.installation import Installation
from tests.servers import PostgreSQL

PHOTOS = 100
USED = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
SIZES = "SELECT sum(original_bytes) FROM albums_photo", "SELECT sum(bytes) FROM albums_rendition"
TABLES = [
    *("albums_photo", "albums_rendition", "albums_look"),
    *("processing_upload", "processing_processingjob", "processing_jobevent"),
]


def run(photos: int = PHOTOS, postgresql: bool = False) -> None:
    server = PostgreSQL() if postgresql else None
    if server:
        server.start()
    env = {"MAX_BATCH_FILES": "2000", "SCRUB_BYTES_PER_DAY": "0"} | (
        {"DATABASE_URL": server.new_database()} if server else {}
    )
    try:
        with tempfile.TemporaryDirectory() as directory, Installation(Path(directory), env) as installation:
            content = measure.made(Path(directory) / "made.jpg", 0).read_bytes()
            _measure(installation, content, photos, "PostgreSQL" if server else "SQLite")
    finally:
        if server:
            server.stop()


def _measure(installation: Installation, content: bytes, photos: int, database: str) -> None:
    web = installation.start("serve").pid
    session = installation.sign_in()
    files = {f"{number}.jpg": content + number.to_bytes(4, "big") for number in range(photos)}
    album = installation.new_album(session, "Bench")
    before, at_first, commits = processes.cpu(web), _database_bytes(installation), _commits(installation)
    assert installation.send(session, album, files, timeout=600).ok
    taking_in = processes.cpu(web) - before
    worker = installation.start("run_huey").pid
    installation.wait_until_idle(3600)
    developing = processes.cpu(worker)
    commits = _commits(installation) - commits
    rows = sum(installation.ask(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES)
    originals, renditions = (int(installation.ask(sql)[0][0]) for sql in SIZES)
    per_photo: Callable[[float], str] = lambda total: f"{total / photos:.3g}"  # noqa: E731
    measure.table(
        f"{photos} photos of 12 MP, on {database}: what one takes",
        ("of", "a photo"),
        [
            ["web, CPU ms", per_photo(1000 * taking_in)],
            ["worker, CPU ms", per_photo(1000 * developing)],
            ["original, kB", per_photo(originals / 1000)],
            ["renditions, kB", per_photo(renditions / 1000)],
            ["rows", per_photo(rows)],
            ["commits (PostgreSQL)", per_photo(commits)],
            ["database, kB", per_photo((_database_bytes(installation) - at_first) / 1000)],
        ],
    )


def _commits(installation: Installation) -> int:
    """As PostgreSQL counts transactions, those that only read too."""
    if "DATABASE_URL" not in installation._env:
        return 0
    return int(installation.ask("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")[0][0])


def _database_bytes(installation: Installation) -> int:
    if "DATABASE_URL" in installation._env:
        return int(installation.ask("SELECT pg_database_size(current_database())")[0][0])
    return int(installation.ask(USED)[0][0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    run(options.photos, options.postgresql)
