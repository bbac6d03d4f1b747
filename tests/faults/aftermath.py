"""Checks after a fault: rows and files are compared with what was sent."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tests import polling
from tests.installation import Installation

QUICK = {
    "LEASE_SECONDS": "600",
    "SWEEP_SECONDS": "1",
    "ORPHAN_GRACE_SECONDS": "1",
    "UPLOAD_EXPIRY_SECONDS": "600",
    "BACKOFF_BASE_SECONDS": "0.1",
    "BACKOFF_MAX_SECONDS": "1",
}
"""Recovery intervals that a test can wait for. Leases and uploads of a dead process expire when the test calls `expire`: shorter
times could also end those of a slow process that is alive."""

Sent = tuple[int, str]
"""The album's ID, and the SHA-256 of a file's bytes."""

PHOTOS = "SELECT album_id, original_sha256 FROM albums_photo"
FAILED = """
    SELECT job.album_id, upload.sha256, job.raw_path FROM processing_processingjob job
    JOIN processing_upload upload ON upload.id = job.upload_id WHERE job.state = 'failed'
"""
LONG_AGO = "'2020-01-01 00:00:00'"
"""In the format of Django for SQLite, which compares times as text."""
LOST_UPLOADS = f"UPDATE processing_upload SET expires_at = {LONG_AGO} WHERE state = 'receiving'"
LOST_JOBS = f"UPDATE processing_processingjob SET lease_until = {LONG_AGO} WHERE state = 'processing'"
LOST_RERENDERS = f"UPDATE processing_rerender SET lease_until = {LONG_AGO} WHERE claim IS NOT NULL"
LOST_READINGS = f"UPDATE albums_photo SET checked_at = {LONG_AGO} WHERE verified_at IS NULL AND checked_at IS NOT NULL"
LEFTOVERS = f"UPDATE albums_leftover SET created_at = {LONG_AGO} WHERE hold IS NOT NULL"
"""Leftovers of files that are not published yet. The sweep skips them while their claim is held."""
LOCKED = """
    SELECT album_id FROM processing_processingjob WHERE state IN ('pending', 'processing')
    UNION SELECT album_id FROM processing_upload WHERE state = 'receiving'
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of files; each of the last four must be 0."""

    sent: int
    acknowledged: int
    photos: int
    failed: int
    lost: int = 0
    doubled: int = 0
    orphans: int = 0
    locked: int = 0

    @property
    def is_well(self) -> bool:
        return not (self.lost or self.doubled or self.orphans or self.locked)

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in asdict(self).items())


def sent_to(album: int, contents: Iterable[bytes]) -> set[Sent]:
    return {(album, digest(content)) for content in contents}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def expire(installation: Installation) -> None:
    """Expire the uploads and claims of web servers and workers. Call it when these are dead."""
    expire_uploads(installation)
    expire_claims(installation)


def expire_uploads(installation: Installation) -> None:
    """Expire the uploads that are in progress. Call it when no web server receives any."""
    installation.change(LOST_UPLOADS)


def expire_claims(installation: Installation, pid: int | None = None) -> None:
    """Expire the claims of dead workers: all claims, or the jobs of the worker that had this process ID."""
    if pid is not None:
        installation.change(f"{LOST_JOBS} AND worker LIKE '%:{pid}'")
        return
    for statement in (LOST_JOBS, LOST_RERENDERS, LOST_READINGS, LEFTOVERS):
        installation.change(statement)


def settle(installation: Installation, seconds: float = 240) -> None:
    """Wait until recovery is complete: no upload or job is active, and rows and files agree."""
    polling.until(lambda: not installation.ask(LOCKED), seconds, "an upload or a job never ends")
    installation.change(LEFTOVERS)  # no process is left that could still write them
    polling.until(lambda: not _disagreements(installation), seconds, "rows and files never agree")


def figures(installation: Installation, sent: set[Sent], acknowledged: set[Sent]) -> Figures:
    """Count what became of the files in the albums that files were sent to."""
    albums = {album for album, _ in sent}
    photos = Counter(row for row in installation.ask(PHOTOS) if row[0] in albums)
    failed = Counter(
        (album, sha256)
        for album, sha256, raw in installation.ask(FAILED)
        if album in albums and digest((installation.data_dir / raw).read_bytes()) == sha256
    )
    return Figures(
        sent=len(sent),
        acknowledged=len(acknowledged),
        photos=photos.total(),
        failed=failed.total(),
        lost=len(acknowledged - photos.keys() - failed.keys()),
        doubled=sum(count - 1 for count in (photos + failed).values()),
        orphans=_disagreements(installation),
        locked=sum(album in albums for (album,) in installation.ask(LOCKED)),
    )


def _disagreements(installation: Installation) -> int:
    """Return how many missing, corrupt and orphaned files `manage.py verify` reports."""
    command = installation.manage("verify", "--json", status=None)
    report = json.loads(command.stdout)
    count = sum(len(report[kind]) for kind in ("missing", "corrupt", "orphans"))
    assert (command.returncode == 0) == (count == 0), command.stdout + command.stderr
    return count
