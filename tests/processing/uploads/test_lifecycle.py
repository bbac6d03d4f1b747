from datetime import timedelta

import pytest
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.models import ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.uploads import batches
from processing.uploads import lifecycle as uploads
from processing.uploads.rejections import UploadRejected
from processing.uploads.writer import UploadWriter
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_a_received_file_is_a_job_with_its_raw_file(album, data_dir):
    job = making.received(album, b"picture", name="IMG_1.jpg")

    assert (job.state, job.original_filename, job.album) == (JobState.PENDING, "IMG_1.jpg", album)
    assert (data_dir / job.raw_path).read_bytes() == b"picture"
    assert (job.upload.state, job.upload.size) == (UploadState.RECEIVED, 7)


def test_the_same_bytes_again_are_refused_and_let_go(album, data_dir, django_capture_on_commit_callbacks):
    first = making.received(album, b"picture", name="IMG_1.jpg")

    with django_capture_on_commit_callbacks(execute=True):
        assert making.received(album, b"picture", name="copy.jpg", batch=first.batch) is None

    again = Upload.objects.get(name="copy.jpg")
    assert (again.state, again.code) == (UploadState.REFUSED, "duplicate")
    assert "IMG_1.jpg" in again.message
    assert not (data_dir / again.key).exists()


def test_the_same_bytes_as_a_photo_point_to_it(album):
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


def test_a_failed_file_sent_again_is_tried_again_in_its_place(album):
    making.received(album, b"picture")
    failed = jobs.claim_next("tester")
    jobs.give_up(failed, "broken", "The file is damaged.")

    again = making.received(album, b"picture")

    assert again.state == JobState.PENDING
    assert ProcessingJob.objects.get(pk=failed.pk).state == JobState.CANCELLED


def test_finishing_twice_makes_one_job(album):
    upload = making.upload(album)
    stream = UploadWriter(upload)
    stream.write(b"picture")
    stream.commit()

    assert uploads.finish(upload, 7, stream.sha256) is not None
    assert uploads.finish(upload, 7, stream.sha256) is None
    assert ProcessingJob.objects.count() == 1


def test_finishing_twice_keeps_the_raw_file(album, data_dir, django_capture_on_commit_callbacks):
    upload = making.upload(album)
    stream = UploadWriter(upload)
    stream.write(b"picture")
    stream.commit()
    uploads.finish(upload, 7, stream.sha256)

    with django_capture_on_commit_callbacks(execute=True):
        uploads.finish(upload, 7, stream.sha256)

    assert (data_dir / upload.key).exists()


def test_an_upload_cancelled_on_its_way_becomes_no_job(album, data_dir, django_capture_on_commit_callbacks):
    upload = making.upload(album)
    batches.cancel(album, "owner")
    stream = UploadWriter(upload)
    stream.write(b"picture")
    stream.commit()

    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.finish(upload, 7, stream.sha256) is None

    assert not (data_dir / upload.key).exists()


def test_an_upload_cancelled_within_its_bytes_is_no_fault_of_ours(album, data_dir, django_capture_on_commit_callbacks):
    stream = UploadWriter(making.upload(album))
    stream.write(b"half")
    with django_capture_on_commit_callbacks(execute=True):
        batches.cancel(album, "owner")

    with pytest.raises(UploadRejected) as refused:
        stream.commit()

    assert refused.value.refusal.code == "cancelled"
    assert list((data_dir / "incoming").iterdir()) == []


def test_an_album_deleted_while_a_file_is_on_its_way_leaves_nothing(
    album, data_dir, django_capture_on_commit_callbacks
):
    upload = making.upload(album)
    with django_capture_on_commit_callbacks(execute=True):
        album.delete()
    stream = UploadWriter(upload)
    stream.write(b"picture")
    stream.commit()

    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.finish(upload, 7, stream.sha256) is None

    assert (ProcessingJob.objects.count(), list((data_dir / "incoming").iterdir())) == (0, [])


def test_two_photos_with_one_name_are_both_kept_and_said_so(album):
    first = making.received(album, name="IMG_1.jpg")
    second = making.received(album, name="IMG_1.jpg", batch=first.batch)

    assert (first.upload.note, Upload.objects.get(job=second).note) == (
        "",
        "Another photo in this album has the same name. Both are kept.",
    )


def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing(album, data_dir, settings):
    settings.MAX_FILE_BYTES = 10
    stream = UploadWriter(making.upload(album))

    with pytest.raises(UploadRejected) as refused:
        stream.write(b"eleven byte")

    assert refused.value.refusal.code == "too-large"
    assert list((data_dir / "incoming").iterdir()) == []


def test_an_empty_file_is_refused(album, data_dir):
    with pytest.raises(UploadRejected) as refused:
        UploadWriter(making.upload(album)).commit()

    assert refused.value.refusal.code == "empty-file"
    assert list((data_dir / "incoming").iterdir()) == []


def test_nothing_is_taken_when_the_disk_is_nearly_full(album, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    with pytest.raises(UploadRejected) as refused:
        UploadWriter(making.upload(album))

    assert refused.value.refusal.code == "disk-full"


def test_an_idle_upload_expires_and_one_in_motion_does_not(album):
    idle = making.upload(album, "idle.jpg")
    moving = making.upload(album, "moving.jpg", idle.batch)
    Upload.objects.filter(pk=idle.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert (uploads.expire(idle), uploads.expire(moving)) == (True, False)
    assert not Upload.objects.exclude(pk=idle.pk).exclude(state=UploadState.RECEIVING).exists()


@pytest.mark.parametrize("seconds", [1, 1800])
def test_an_upload_in_motion_is_touched_several_times_before_it_expires(settings, seconds):
    settings.UPLOAD_EXPIRY_SECONDS = seconds

    assert uploads.touch_seconds() <= seconds / 4
