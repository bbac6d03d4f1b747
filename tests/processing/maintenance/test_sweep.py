import os
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from albums import removal
from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.integrity import consistency
from processing.maintenance import sweep
from processing.models import JobEvent, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.storage.base import LOCAL_COPY_PREFIX
from tests.processing import making

pytestmark = pytest.mark.django_db


def time_ago(**span: float):
    return timezone.now() - timedelta(**span)


def write_file(data_dir, key: str, **age: float):
    path = data_dir / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    modified_at = time_ago(**age).timestamp()
    os.utime(path, (modified_at, modified_at))
    return path


def test_a_job_whose_lease_expired_is_requeued(album):
    job = making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=time_ago(seconds=1))

    assert sweep.sweep().rescued == 1

    job.refresh_from_db()
    assert (job.state, job.error_code, job.claim) == (JobState.PENDING, "worker-lost", None)


def test_a_lease_from_a_clock_that_was_set_back_has_expired(album):
    making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=time_ago(hours=-1))

    assert sweep.sweep().rescued == 1


def test_an_upload_from_a_clock_that_was_set_back_expires(album):
    making.upload(album)
    Upload.objects.update(expires_at=time_ago(days=-1))

    assert sweep.sweep().expired == 1


def test_a_job_that_kills_its_worker_at_each_attempt_fails(album, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 2, 0
    making.received(album)
    for _ in range(2):
        jobs.claim_next("tester")
        ProcessingJob.objects.update(lease_until=time_ago(seconds=1))
        sweep.sweep()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.FAILED, "worker-lost")
    assert "Gave up after 2 attempts: this file probably causes the problem." in job.error_message


def test_new_jobs_are_processed_while_other_files_kill_their_workers(album, owner, settings):
    """The worst case: each failed job is due again at once, and each attempt kills a worker."""
    settings.BACKOFF_BASE_SECONDS = 0
    poisonous = making.received(album)
    for _ in range(2):
        making.received(album, batch=poisonous.batch)
    other_album = Album.objects.create(title="Winter", owner=owner)
    first = making.received(other_album)
    for _ in range(9):
        making.received(other_album, batch=first.batch)

    claimed = []
    while job := jobs.claim_next("tester"):
        claimed.append(job.album_id)
        if job.album_id == other_album.pk:
            jobs.complete(job, making.photo(other_album, job), [])
        else:
            ProcessingJob.objects.filter(pk=job.pk).update(lease_until=time_ago(seconds=1))
            sweep.sweep()

    assert claimed[:20].count(other_album.pk) >= 9
    assert len(claimed) == 10 + 3 * settings.MAX_ATTEMPTS
    assert ProcessingJob.objects.failed().count() == 3


def test_a_retried_job_waits_behind_the_other_photos_of_its_album(album):
    first = making.received(album)
    second = making.received(album, batch=first.batch)
    jobs.retry(jobs.claim_next("tester"), "storage", "It did not work.")
    ProcessingJob.objects.update(run_after=time_ago(seconds=1))

    assert [jobs.claim_next("tester").pk for _ in range(2)] == [second.pk, first.pk]


def test_a_job_with_a_live_lease_is_left_alone(album):
    job = making.job_in(album, JobState.PROCESSING)

    assert sweep.sweep().rescued == 0
    assert ProcessingJob.objects.get().claim == job.claim


def test_an_idle_upload_expires_and_unlocks_its_album(album):
    making.upload(album)
    Upload.objects.update(expires_at=time_ago(seconds=1))

    assert sweep.sweep().expired == 1
    assert Upload.objects.get().state == UploadState.EXPIRED


def test_leftovers_without_a_claim_are_deleted(album, data_dir):
    path = write_file(data_dir, "renditions/ab/abc/400.webp")
    Leftover.note(["renditions/ab/abc/400.webp"])

    assert sweep.sweep().leftovers == 1
    assert (path.exists(), Leftover.objects.count()) == (False, 0)


def test_leftovers_of_a_live_claim_are_kept(album, data_dir):
    job = making.job_in(album, JobState.PROCESSING)
    path = write_file(data_dir, "renditions/ab/abc/400.webp", days=3)
    Leftover.note(["renditions/ab/abc/400.webp"], hold=job.claim)
    Leftover.objects.update(created_at=time_ago(days=3))

    sweep.sweep()

    assert path.exists()


def test_leftovers_of_a_lost_claim_are_deleted_and_kept_as_rows_for_late_writes(album, data_dir):
    path = write_file(data_dir, "renditions/ab/abc/400.webp")
    Leftover.note(["renditions/ab/abc/400.webp"], hold=uuid.uuid4())

    sweep.sweep()
    assert path.exists()

    Leftover.objects.update(created_at=time_ago(minutes=2))
    sweep.sweep()
    assert (path.exists(), Leftover.objects.count()) == (False, 1)

    write_file(data_dir, "renditions/ab/abc/400.webp")
    sweep.sweep()
    assert (path.exists(), Leftover.objects.count()) == (False, 1)

    Leftover.objects.update(created_at=time_ago(days=1))
    sweep.sweep()
    assert Leftover.objects.count() == 0


@pytest.mark.parametrize("name", ["{0}", "{0}.part", "who-knows.jpg"])
def test_old_files_in_incoming_without_a_row_are_deleted(db, data_dir, name):
    old_file = write_file(data_dir, "incoming/" + name.format(uuid.uuid4()), hours=2)
    new_file = write_file(data_dir, "incoming/" + name.format(uuid.uuid4()).replace("who", "whom"))

    assert sweep.sweep().strays == 1
    assert (old_file.exists(), new_file.exists()) == (False, True)


@pytest.mark.parametrize(("hours", "is_kept"), [(0, True), (5, True), (7, False)])
def test_a_local_copy_is_deleted_only_when_no_reader_can_be_using_it(db, data_dir, settings, hours, is_kept):
    settings.ORPHAN_GRACE_SECONDS = 0
    copy = write_file(data_dir, f"incoming/{LOCAL_COPY_PREFIX}0a1b.work/photo.jpg", hours=hours)

    assert consistency.verify().is_clean
    assert sweep.sweep().strays == (not is_kept)
    assert copy.exists() == is_kept


def test_the_working_directory_of_a_lost_claim_is_deleted_at_once(album, data_dir):
    job = making.job_in(album, JobState.PROCESSING)
    scratch = write_file(data_dir, f"incoming/{job.claim.hex}.work/400.webp")
    ProcessingJob.objects.update(lease_until=time_ago(seconds=1))

    assert sweep.sweep().strays == 1
    assert not scratch.parent.exists()


def test_raw_files_of_uploads_and_jobs_are_kept_at_any_age(album, data_dir):
    failed = making.job_in(album, JobState.FAILED)
    processing = making.job_in(album, JobState.PROCESSING)
    pending = making.received(album, batch=processing.batch)
    upload = making.upload(album, batch=processing.batch)
    paths = [
        *(write_file(data_dir, job.raw_path, days=9) for job in (failed, processing, pending)),
        write_file(data_dir, upload.key + ".part", days=9),
        write_file(data_dir, f"incoming/{processing.claim.hex}.work/400.webp", days=9),
    ]

    assert sweep.sweep().strays == 0
    assert all(path.exists() for path in paths)


def test_a_lost_wake_up_is_sent_again(album):
    making.received(album)
    ProcessingJob.objects.update(updated_at=time_ago(seconds=5))

    assert sweep.sweep().wakeups == 1


def test_a_lost_wake_up_is_sent_again_although_the_clock_was_set_back(album):
    making.received(album)
    ProcessingJob.objects.update(updated_at=time_ago(hours=-1))

    assert sweep.sweep().wakeups == 1


def test_a_file_that_cannot_be_deleted_does_not_stop_the_sweep(album, data_dir):
    key = "renditions/ab/abc/400.webp"
    (data_dir / key).mkdir(parents=True)
    Leftover.note([key], hold=uuid.uuid4())
    Leftover.objects.update(created_at=time_ago(minutes=5))
    making.received(album)
    ProcessingJob.objects.update(updated_at=time_ago(seconds=5))

    assert sweep.sweep().wakeups == 1


def test_a_sweep_with_a_time_limit_deletes_a_part_and_the_next_one_continues(album, data_dir, monkeypatch):
    """Between two sweeps, the worker processes photos."""
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    job = making.received(album)
    for _ in range(3):
        making.photo(album, job).save()
    Photo.objects.update(trashed_at=time_ago(days=31))
    Leftover.objects.all().delete()
    for name in "abc":
        write_file(data_dir, f"renditions/ab/{name}/400.webp")
        Leftover.note([f"renditions/ab/{name}/400.webp"])

    first = sweep.sweep(0)
    remaining = Photo.objects.count(), Leftover.objects.filter(key__startswith="renditions").count()
    later_sweeps = [sweep.sweep(0) for _ in range(2)]

    assert (first.trashed_photos, remaining) == (2, (1, 2))
    assert [result.trashed_photos for result in later_sweeps] == [1, 0]
    sweep.sweep()
    assert (Photo.objects.count(), Leftover.objects.count()) == (0, 0)


def test_leftovers_that_do_not_fit_into_one_query_are_all_deleted(data_dir, db, monkeypatch):
    monkeypatch.setattr(removal, "BATCH_SIZE", 2)
    keys = [f"renditions/ab/{name}/400.webp" for name in "abcde"]
    Leftover.note(keys)

    assert (sweep.sweep().leftovers, Leftover.objects.count()) == (5, 0)


def test_old_job_events_are_deleted(album):
    making.received(album)
    JobEvent.objects.update(at=time_ago(days=91))

    assert sweep.sweep().old_events == 1


def test_a_second_sweep_finds_nothing_to_do(album, settings):
    settings.BACKOFF_BASE_SECONDS = 3600  # otherwise its next attempt may be due by then
    settings.BACKOFF_MAX_SECONDS = 3600
    making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=time_ago(seconds=1))
    sweep.sweep()

    assert sweep.sweep() == sweep.SweepResult(*[0] * 15)
