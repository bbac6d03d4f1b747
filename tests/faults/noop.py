"""Many jobs at once, and a worker with a no-op pipeline. Files, claims, leftovers, rows and messages to workers are real.

Both run inside an installation: `manage.py shell -c "from tests.faults import noop; noop.work()"`.
"""

import hashlib
from pathlib import Path

from django.core.management import call_command
from django.utils import timezone

from albums.models import Album
from processing.jobs import wakeup
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.pipeline import Origin, Picture
from processing.pipeline.picture import UNKNOWN, Metadata, Rendition
from processing.rendering import shared_sandbox
from processing.rendering.sandbox import Sandbox
from processing.storage import store

BATCH_SIZE = 500
TINY = b"RIFF of no picture"


class NoPipeline(Sandbox):
    """Returns the same tiny rendition for every file, without a child process."""

    def develop(self, source: Path, out: Path, origin: Origin = UNKNOWN, **_: object) -> Picture:
        path = out / "400.webp"
        path.write_bytes(TINY)
        rendition = Rendition(str(path), 4, 3, len(TINY))
        return Picture("JPEG", 4, 3, Metadata(), "", (rendition,), "noop")


def work() -> None:
    shared_sandbox.Sandbox = NoPipeline  # type: ignore[attr-defined]
    call_command("run_huey")


def fill(count: int, albums: int, photos: list[str] | None = None) -> None:
    """Receive `count` different files into new albums: a few bytes each, or real photos with a few bytes appended."""
    contents = [Path(photo).read_bytes() for photo in photos] if photos else [b""]
    for album in range(albums):
        numbers = range(album, count, albums)
        for start in range(0, len(numbers), BATCH_SIZE):
            batch = numbers[start : start + BATCH_SIZE]
            _receive(
                f"Album {album}",
                {f"{number}.jpg": contents[number % len(contents)] + b"\0%d" % number for number in batch},
            )


def _receive(title: str, files: dict[str, bytes]) -> None:
    album = Album.objects.get_or_create(title=title)[0]
    batch = Batch.objects.create(album=album, source=Batch.Source.IMPORT)
    now = timezone.now()
    uploads = [
        Upload(
            batch=batch,
            album=album,
            name=name,
            state=UploadState.RECEIVED,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            expires_at=now,
            ended_at=now,
        )
        for name, content in files.items()
    ]
    for upload, content in zip(uploads, files.values(), strict=True):
        stream = store().receive(upload.key)
        stream.write(content)
        stream.commit()
    Upload.objects.bulk_create(uploads)
    jobs = ProcessingJob.objects.bulk_create(
        ProcessingJob(
            upload=upload, batch=batch, album=album, original_filename=upload.name, raw_path=upload.key, turn=turn
        )
        for turn, upload in enumerate(uploads)
    )
    for job in jobs:
        wakeup.send(job.pk)
