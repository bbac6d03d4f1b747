"""Creates rows and files for tests the way the product creates them."""

import io
import uuid
from itertools import count

from PIL import Image

from albums.models import Album, Photo
from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.uploads import batches, lifecycle
from processing.uploads.writer import UploadWriter

_numbers = count()


def jpeg(size: tuple[int, int] = (60, 40), number: int | None = None) -> bytes:
    """Returns a small JPEG, with different bytes at every call unless a number is given."""
    number = next(_numbers) if number is None else number
    file = io.BytesIO()
    Image.new("RGB", size, (200, 120, 60)).save(file, "JPEG", comment=str(number))
    return file.getvalue()


def upload(album: Album, name: str = "photo.jpg", batch: Batch | None = None) -> Upload:
    """Creates an upload in progress, in its own batch unless one is given."""
    if batch:
        return lifecycle.create(batch, name)
    return batches.open_with_upload(album, album.owner, Batch.Source.FORM, name)


def received(
    album: Album, content: bytes | None = None, name: str = "photo.jpg", batch: Batch | None = None
) -> ProcessingJob | None:
    """Receives a file and returns its job; None if the file was rejected as a duplicate."""
    new_upload = upload(album, name, batch)
    writer = UploadWriter(new_upload)
    writer.write(jpeg() if content is None else content)
    writer.commit()
    return lifecycle.finish(new_upload, writer.size, writer.sha256)


def job_in(album: Album, state: JobState) -> ProcessingJob:
    """Creates a job and brings it to the state by the transitions of its life cycle."""
    job = received(album)
    if state in (JobState.PROCESSING, JobState.COMPLETED, JobState.FAILED):
        job = jobs.claim_next("tester")
    if state == JobState.COMPLETED:
        jobs.complete(job, photo(album, job), [])
    elif state == JobState.FAILED:
        jobs.give_up(job, "broken", "The file is damaged.")
    elif state == JobState.CANCELLED:
        jobs.cancel(job)
    return ProcessingJob.objects.get(pk=job.pk)


def photo(album: Album, job: ProcessingJob) -> Photo:
    """Returns an unsaved photo, with a different checksum at every call."""
    identity = uuid.uuid4().hex
    return Photo(
        album=album,
        position=job.pk,
        name=job.original_filename,
        original_key=f"originals/00/{identity}.jpg",
        original_bytes=1,
        original_sha256=identity,
        format="JPEG",
        width=60,
        height=40,
    )
