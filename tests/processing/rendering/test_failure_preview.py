"""Previews by the real worker in its real sandbox: made when a job fails, deleted when the failure is resolved."""

import io

import pytest
from PIL import Image

from processing import jobs
from processing.models import Preview, ProcessingJob
from processing.models.states import JobState
from processing.rendering import failure_preview, shared_sandbox, worker
from processing.rendering.sandbox import Sandbox
from processing.uploads import batches
from tests.processing import making

pytestmark = pytest.mark.django_db


def truncated_jpeg() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((900, 600), 40).convert("RGB").save(file, "JPEG")
    return file.getvalue()[: file.tell() // 2]


def failed_job(album, content: bytes) -> ProcessingJob:
    making.received(album, content)
    worker.develop_next()
    return ProcessingJob.objects.failed().get()


def test_a_truncated_photo_has_a_preview_of_its_decodable_part(album):
    job = failed_job(album, truncated_jpeg())

    with Image.open(io.BytesIO(job.preview.webp)) as image:
        assert (image.format, image.size) == ("WEBP", (400, 267))
        assert image.convert("L").crop((0, 0, 400, 100)).getextrema() != (128, 128)
    assert (job.error_code, job.attempts) == ("truncated", 1)


def test_a_file_that_is_no_picture_has_no_preview(album):
    failed_job(album, b"%PDF-1.7")

    assert not Preview.objects.exists()


def test_a_processed_photo_has_no_preview(album):
    making.received(album, making.jpeg((900, 600)))

    worker.develop_next()

    assert (album.photos.count(), Preview.objects.count()) == (1, 0)


def test_a_job_that_is_retried_has_no_preview(album, settings):
    making.received(album, truncated_jpeg())
    job = jobs.claim_next("tester")
    jobs.retry(job, "storage", "It did not answer.")

    failure_preview.make(job, shared_sandbox.sandbox())

    assert not Preview.objects.exists()


@pytest.mark.parametrize("code", sorted(failure_preview.NO_PREVIEW_CODES))
def test_a_file_that_crashed_or_exhausted_the_sandbox_is_not_decoded_again(album, code):
    making.received(album, making.jpeg((900, 600)))
    job = jobs.claim_next("tester")
    jobs.give_up(job, code, "It was hard.")

    failure_preview.make(job, shared_sandbox.sandbox())

    assert not Preview.objects.exists()
    assert shared_sandbox.sandbox().pid is None


def test_an_error_of_the_server_leaves_a_preview_of_the_whole_picture(album):
    making.received(album, making.jpeg((900, 600)))
    job = jobs.claim_next("tester")
    jobs.give_up(job, "internal", "Something unexpected went wrong.")

    failure_preview.make(job, shared_sandbox.sandbox())

    assert Image.open(io.BytesIO(Preview.objects.get().webp)).size == (400, 267)


@pytest.mark.parametrize("limit", [{"wall_seconds": 0}, {"memory_bytes": 24 << 20}], ids=["time", "memory"])
def test_a_preview_that_fails_does_not_change_the_failed_job(album, limit):
    job = failed_job(album, truncated_jpeg())
    Preview.objects.all().delete()
    before = ProcessingJob.objects.values().get(), job.events.count()

    with Sandbox(**limit) as sandbox:
        failure_preview.make(job, sandbox)

    assert (ProcessingJob.objects.values().get(), job.events.count()) == before
    assert not Preview.objects.exists()


def test_a_preview_whose_sandbox_was_closed_does_not_change_the_failed_job(album):
    job = failed_job(album, truncated_jpeg())
    Preview.objects.all().delete()
    shared_sandbox.sandbox().close()

    failure_preview.make(job, shared_sandbox.sandbox())

    assert (ProcessingJob.objects.get().state, Preview.objects.count()) == (JobState.FAILED, 0)


def test_a_job_whose_raw_file_is_missing_has_no_preview(album, data_dir):
    job = failed_job(album, truncated_jpeg())
    Preview.objects.all().delete()
    (data_dir / job.raw_path).unlink()

    failure_preview.make(job, shared_sandbox.sandbox())

    assert not Preview.objects.exists()


def test_the_preview_is_deleted_with_the_raw_file_when_the_failure_is_dismissed(
    album, data_dir, django_capture_on_commit_callbacks
):
    job = failed_job(album, truncated_jpeg())

    with django_capture_on_commit_callbacks(execute=True):
        batches.dismiss_failed(ProcessingJob.objects.failed(), by="anna")

    assert (Preview.objects.count(), (data_dir / job.raw_path).exists()) == (0, False)


def test_the_preview_is_deleted_when_the_job_is_retried(album):
    job = failed_job(album, truncated_jpeg())

    jobs.requeue(job)

    assert not Preview.objects.exists()


def test_a_preview_that_comes_too_late_is_not_stored(album):
    job = failed_job(album, truncated_jpeg())
    webp = bytes(job.preview.webp)
    jobs.dismiss(job)

    failure_preview._keep(job, webp)

    assert not Preview.objects.exists()


def test_a_preview_above_the_size_limit_is_not_stored(album):
    job = failed_job(album, truncated_jpeg())
    Preview.objects.all().delete()

    failure_preview._keep(job, b"x" * (failure_preview.MAX_BYTES + 1))

    assert not Preview.objects.exists()
