"""Publishing a damaged file on request: the part that can be decoded, with a permanent warning."""

import io
import uuid

import pytest
from PIL import Image

from processing.integrity import post_write
from processing.models import JobEvent, Preview, ProcessingJob
from processing.models.states import JobState
from processing.queries import failure_page, file_status
from processing.queries import receipt as receipt_query
from processing.queries.failure_scope import FailureScope
from processing.queries.file_status import FileStatus
from processing.rendering import rerender, worker
from processing.uploads import batches
from tests.processing import making

pytestmark = pytest.mark.django_db(transaction=True)


def damaged_file(name: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.effect_noise((900, 600), 60).convert("RGB").save(file, name)
    return file.getvalue()[: len(file.getvalue()) * 2 // 3]


@pytest.fixture
def job(album) -> ProcessingJob:
    """A failed job with a preview."""
    making.received(album, damaged_file())
    worker.develop_next()
    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.FAILED, "truncated")
    assert Preview.objects.filter(job=job).exists()
    return job


def publish(job: ProcessingJob) -> ProcessingJob:
    assert batches.publish_damaged(ProcessingJob.objects.all(), by="anna") == 1
    assert worker.develop_next()
    job.refresh_from_db()
    return job


def test_a_published_damaged_file_is_a_photo_with_a_warning_and_its_own_bytes(job, album):
    content = job.upload.size, job.upload.sha256

    photo = publish(job).photo

    assert job.state == JobState.COMPLETED
    assert (photo.width, photo.height) == (900, 600)
    assert [note["code"] for note in photo.notes] == ["published-damaged"]
    assert (photo.original_bytes, photo.original_sha256) == content
    assert photo.renditions.count() == 3


def test_the_warning_stays_when_the_photo_is_rendered_again(job):
    photo = publish(job).photo
    photo.renditions.all().delete()

    rerender.render_again(photo, uuid.uuid4())

    photo.refresh_from_db()
    assert [note["code"] for note in photo.notes] == ["published-damaged"]
    assert photo.renditions.count() == 3


def test_the_receipt_names_the_damaged_file_and_is_not_safe(job):
    publish(job)
    while post_write.verify_next():
        pass

    receipt = receipt_query.build(job.batch)
    (line,) = receipt_query.lines(file_status.files(job.batch))

    assert receipt.counts == {FileStatus.VERIFIED: 1}
    assert (receipt.damaged, receipt.is_safe) == (1, False)
    assert receipt.summary == (
        "All 1 of 1 are stored and verified. 1 was damaged on arrival and published anyway. "
        "Format the card only if it holds no better copy."
    )
    assert (line.code, line.status) == ("published-damaged", FileStatus.VERIFIED)
    assert "damaged on arrival" in line.reason


def test_the_timeline_says_who_requested_publishing(job):
    publish(job)

    assert JobEvent.objects.get(edge="requeue").by == "anna, to be published although damaged"


def test_an_ordinary_retry_still_rejects_the_damaged_file(job):
    batches.publish_damaged(ProcessingJob.objects.all(), by="anna")
    ProcessingJob.objects.update(state=JobState.FAILED, error_code="truncated", error_message="Cut.")

    batches.requeue(ProcessingJob.objects.all(), by="anna")
    worker.develop_next()

    job.refresh_from_db()
    assert (job.state, job.publish_damaged) == (JobState.FAILED, False)


@pytest.mark.parametrize(("code", "has_preview"), [("bomb", True), ("unsupported-jpeg", True), ("truncated", False)])
def test_only_damaged_files_with_a_preview_can_be_published(job, album, code, has_preview):
    ProcessingJob.objects.update(error_code=code)
    if not has_preview:
        Preview.objects.all().delete()

    assert batches.publish_damaged(ProcessingJob.objects.all(), by="anna") == 0

    (section,) = failure_page.build(FailureScope(type(album).objects.all())).sections
    assert [entry.can_be_published for entry in section.entries] == [False]


def test_the_failure_page_offers_publishing_as_a_form_that_works_without_scripts(job, album, client):
    client.force_login(album.owner)

    page = client.get("/failures/").content.decode()
    assert 'formaction="/failures/publish/"' in page
    assert "Publish anyway" in page
    response = client.post("/failures/publish/", {"pick": f"job:{job.pk}"}, follow=True)

    assert "1 damaged file will be published, with a warning." in response.content.decode()
    job.refresh_from_db()
    assert (job.state, job.publish_damaged) == (JobState.PENDING, True)


@pytest.mark.parametrize(("name", "is_shown"), [("AVIF", False), ("WEBP", True)])
def test_the_failure_page_says_if_no_part_of_a_file_can_be_shown(album, client, name, is_shown):
    making.received(album, damaged_file(name))
    worker.develop_next()
    client.force_login(album.owner)

    page = client.get("/failures/").content.decode()

    assert ("Publish anyway" in page) == is_shown
    assert ("No part of it could be shown, so it cannot be published." in page) != is_shown


def test_another_user_cannot_publish_a_damaged_file(job, stranger, client):
    client.force_login(stranger)

    client.post("/failures/publish/", {"pick": f"job:{job.pk}"})

    job.refresh_from_db()
    assert (job.state, job.publish_damaged) == (JobState.FAILED, False)
