from datetime import timedelta

import pytest
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.models import ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.uploads import batches, lifecycle
from processing.uploads.rejections import UploadRejected
from processing.uploads.writer import UploadWriter
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_a_received_file_becomes_a_job_with_its_raw_file(album, data_dir):
    job = making.received(album, b"picture", name="IMG_1.jpg")

    assert (job.state, job.original_filename, job.album) == (JobState.PENDING, "IMG_1.jpg", album)
    assert (data_dir / job.raw_path).read_bytes() == b"picture"
    assert (job.upload.state, job.upload.size) == (UploadState.RECEIVED, 7)


def test_the_same_bytes_again_are_rejected_and_deleted(album, data_dir, django_capture_on_commit_callbacks):
    first_job = making.received(album, b"picture", name="IMG_1.jpg")

    with django_capture_on_commit_callbacks(execute=True):
        assert making.received(album, b"picture", name="copy.jpg", batch=first_job.batch) is None

    duplicate = Upload.objects.get(name="copy.jpg")
    assert (duplicate.state, duplicate.code) == (UploadState.REJECTED, "duplicate")
    assert "IMG_1.jpg" in duplicate.message
    assert not (data_dir / duplicate.key).exists()


def test_the_same_bytes_as_a_photo_refer_to_that_photo(album):
    making.received(album, b"picture")
    job = jobs.claim_next("tester")
    photo = making.photo(album, job)
    photo.original_sha256 = job.upload.sha256
    jobs.complete(job, photo, [])

    assert making.received(album, b"picture", name="again.jpg") is None
    assert Upload.objects.get(name="again.jpg").duplicate_of == photo


def test_another_album_may_hold_the_same_bytes(album, owner):
    making.received(album, b"picture")

    assert making.received(Album.objects.create(title="Winter", owner=owner), b"picture") is not None


def test_a_failed_file_that_is_sent_again_replaces_the_failed_job(album):
    making.received(album, b"picture")
    failed_job = jobs.claim_next("tester")
    jobs.give_up(failed_job, "broken", "The file is damaged.")

    new_job = making.received(album, b"picture")

    assert new_job.state == JobState.PENDING
    assert ProcessingJob.objects.get(pk=failed_job.pk).state == JobState.CANCELLED


def test_finishing_an_upload_twice_creates_one_job(album):
    upload = making.upload(album)
    writer = UploadWriter(upload)
    writer.write(b"picture")
    writer.commit()

    assert lifecycle.finish(upload, 7, writer.sha256) is not None
    assert lifecycle.finish(upload, 7, writer.sha256) is None
    assert ProcessingJob.objects.count() == 1


def test_finishing_an_upload_twice_keeps_the_raw_file(album, data_dir, django_capture_on_commit_callbacks):
    upload = making.upload(album)
    writer = UploadWriter(upload)
    writer.write(b"picture")
    writer.commit()
    lifecycle.finish(upload, 7, writer.sha256)

    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.finish(upload, 7, writer.sha256)

    assert (data_dir / upload.key).exists()


def test_an_upload_cancelled_in_progress_becomes_no_job(album, data_dir, django_capture_on_commit_callbacks):
    upload = making.upload(album)
    batches.cancel(album, "owner")
    writer = UploadWriter(upload)
    writer.write(b"picture")
    writer.commit()

    with django_capture_on_commit_callbacks(execute=True):
        assert lifecycle.finish(upload, 7, writer.sha256) is None

    assert not (data_dir / upload.key).exists()


def test_an_upload_cancelled_while_its_bytes_arrive_is_rejected_as_cancelled(
    album, data_dir, django_capture_on_commit_callbacks
):
    writer = UploadWriter(making.upload(album))
    writer.write(b"half")
    with django_capture_on_commit_callbacks(execute=True):
        batches.cancel(album, "owner")

    with pytest.raises(UploadRejected) as caught:
        writer.commit()

    assert caught.value.reason.code == "cancelled"
    assert list((data_dir / "incoming").iterdir()) == []


def test_an_album_deleted_during_an_upload_leaves_no_job_and_no_file(
    album, data_dir, django_capture_on_commit_callbacks
):
    upload = making.upload(album)
    with django_capture_on_commit_callbacks(execute=True):
        album.delete()
    writer = UploadWriter(upload)
    writer.write(b"picture")
    writer.commit()

    with django_capture_on_commit_callbacks(execute=True):
        assert lifecycle.finish(upload, 7, writer.sha256) is None

    assert (ProcessingJob.objects.count(), list((data_dir / "incoming").iterdir())) == (0, [])


def test_two_photos_with_the_same_name_are_both_kept_and_the_second_has_a_note(album):
    first = making.received(album, name="IMG_1.jpg")
    second = making.received(album, name="IMG_1.jpg", batch=first.batch)

    assert (first.upload.note, Upload.objects.get(job=second).note) == (
        "",
        "Another photo in this album has the same name. Both are kept.",
    )


def test_a_file_above_the_size_limit_is_rejected_and_leaves_no_bytes(album, data_dir, settings):
    settings.MAX_FILE_BYTES = 10
    writer = UploadWriter(making.upload(album))

    with pytest.raises(UploadRejected) as caught:
        writer.write(b"eleven byte")

    assert caught.value.reason.code == "too-large"
    assert list((data_dir / "incoming").iterdir()) == []


def test_an_empty_file_is_rejected(album, data_dir):
    with pytest.raises(UploadRejected) as caught:
        UploadWriter(making.upload(album)).commit()

    assert caught.value.reason.code == "empty-file"
    assert list((data_dir / "incoming").iterdir()) == []


def test_no_file_is_accepted_when_the_disk_is_nearly_full(album, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    with pytest.raises(UploadRejected) as caught:
        UploadWriter(making.upload(album))

    assert caught.value.reason.code == "disk-full"


def test_an_idle_upload_expires_and_an_active_one_does_not(album):
    idle = making.upload(album, "idle.jpg")
    moving = making.upload(album, "moving.jpg", idle.batch)
    Upload.objects.filter(pk=idle.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert (lifecycle.expire(idle), lifecycle.expire(moving)) == (True, False)
    assert not Upload.objects.exclude(pk=idle.pk).exclude(state=UploadState.RECEIVING).exists()


@pytest.mark.parametrize("seconds", [1, 1800])
def test_an_active_upload_is_touched_several_times_before_it_expires(settings, seconds):
    settings.UPLOAD_EXPIRY_SECONDS = seconds

    assert lifecycle.touch_seconds() <= seconds / 4
