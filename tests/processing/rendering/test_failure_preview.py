"""Previews by the real worker in its real sandbox: made when a job fails, gone when the failure ends."""

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


def truncated() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((900, 600), 40).convert("RGB").save(file, "JPEG")
    return file.getvalue()[: file.tell() // 2]


def failed(album, content: bytes) -> ProcessingJob:
    making.received(album, content)
    worker.develop_next()
    return ProcessingJob.objects.failed().get()


def test_a_truncated_photo_shows_what_is_there(album):
    job = failed(album, truncated())

    with Image.open(io.BytesIO(job.preview.webp)) as image:
        assert (image.format, image.size) == ("WEBP", (400, 267))
        assert image.convert("L").crop((0, 0, 400, 100)).getextrema() != (128, 128)
    assert (job.error_code, job.attempts) == ("truncated", 1)


def test_what_is_no_picture_has_no_preview(album):
    failed(album, b"%PDF-1.7")

    assert not Preview.objects.exists()


def test_a_photo_that_was_developed_has_no_preview(album):
    making.received(album, making.jpeg((900, 600)))

    worker.develop_next()

    assert (album.photos.count(), Preview.objects.count()) == (1, 0)


def test_one_that_is_to_be_tried_again_has_no_preview(album, settings):
    making.received(album, truncated())
    job = jobs.claim_next("tester")
    jobs.retry(job, "storage", "It did not answer.")

    failure_preview.make(job, shared_sandbox.sandbox())

    assert not Preview.objects.exists()


@pytest.mark.parametrize("code", sorted(failure_preview.NO_PREVIEW_CODES))
def test_what_was_hard_on_the_sandbox_is_not_decoded_again(album, code):
    making.received(album, making.jpeg((900, 600)))
    job = jobs.claim_next("tester")
    jobs.give_up(job, code, "It was hard.")

    failure_preview.make(job, shared_sandbox.sandbox())

    assert not Preview.objects.exists()
    assert shared_sandbox.sandbox().pid is None


def test_a_fault_of_the_server_leaves_a_whole_picture_to_look_at(album):
    making.received(album, making.jpeg((900, 600)))
    job = jobs.claim_next("tester")
    jobs.give_up(job, "internal", "Something unexpected went wrong.")

    failure_preview.make(job, shared_sandbox.sandbox())

    assert Image.open(io.BytesIO(Preview.objects.get().webp)).size == (400, 267)


@pytest.mark.parametrize("limit", [{"wall_seconds": 0}, {"memory_bytes": 24 << 20}], ids=["time", "memory"])
def test_a_preview_that_fails_changes_nothing_about_the_failure(album, limit):
    job = failed(album, truncated())
    Preview.objects.all().delete()
    before = ProcessingJob.objects.values().get(), job.events.count()

    with Sandbox(**limit) as sandbox:
        failure_preview.make(job, sandbox)

    assert (ProcessingJob.objects.values().get(), job.events.count()) == before
    assert not Preview.objects.exists()


def test_a_preview_that_is_cut_off_changes_nothing_about_the_failure(album):
    job = failed(album, truncated())
    Preview.objects.all().delete()
    shared_sandbox.sandbox().close()

    failure_preview.make(job, shared_sandbox.sandbox())

    assert (ProcessingJob.objects.get().state, Preview.objects.count()) == (JobState.FAILED, 0)


def test_a_raw_file_that_is_away_has_no_preview(album, data_dir):
    job = failed(album, truncated())
    Preview.objects.all().delete()
    (data_dir / job.raw_path).unlink()

    failure_preview.make(job, shared_sandbox.sandbox())

    assert not Preview.objects.exists()


def test_it_goes_with_the_raw_file_when_the_failure_is_dismissed(album, data_dir, django_capture_on_commit_callbacks):
    job = failed(album, truncated())

    with django_capture_on_commit_callbacks(execute=True):
        batches.dismiss_failed(ProcessingJob.objects.failed(), by="anna")

    assert (Preview.objects.count(), (data_dir / job.raw_path).exists()) == (0, False)


def test_it_goes_when_the_job_is_tried_again(album):
    job = failed(album, truncated())

    jobs.requeue(job)

    assert not Preview.objects.exists()


def test_one_that_comes_too_late_is_not_kept(album):
    job = failed(album, truncated())
    webp = bytes(job.preview.webp)
    jobs.dismiss(job)

    failure_preview._keep(job, webp)

    assert not Preview.objects.exists()


def test_one_that_is_larger_than_any_is_not_kept(album):
    job = failed(album, truncated())
    Preview.objects.all().delete()

    failure_preview._keep(job, b"x" * (failure_preview.MAX_BYTES + 1))

    assert not Preview.objects.exists()
