import os
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from albums import removal
from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.integrity import consistency
from processing.maintenance import sweep as recovery
from processing.models import JobEvent, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.storage.base import LOCAL_COPY_PREFIX
from tests.processing import making

pytestmark = pytest.mark.django_db


def ago(**span: float):
    return timezone.now() - timedelta(**span)


def put(data_dir, key: str, **age: float):
    path = data_dir / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    stamp = ago(**age).timestamp()
    os.utime(path, (stamp, stamp))
    return path


def test_a_job_whose_lease_ran_out_is_tried_again(album):
    job = making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=ago(seconds=1))

    assert recovery.sweep().rescued == 1

    job.refresh_from_db()
    assert (job.state, job.error_code, job.claim) == (JobState.PENDING, "worker-lost", None)


def test_a_lease_from_a_clock_that_was_set_back_is_worth_nothing(album):
    making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=ago(hours=-1))

    assert recovery.sweep().rescued == 1


def test_an_upload_from_a_clock_that_was_set_back_expires(album):
    making.upload(album)
    Upload.objects.update(expires_at=ago(days=-1))

    assert recovery.sweep().expired == 1


def test_a_job_that_kills_its_worker_again_and_again_is_parked(album, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 2, 0
    making.received(album)
    for _ in range(2):
        jobs.claim_next("tester")
        ProcessingJob.objects.update(lease_until=ago(seconds=1))
        recovery.sweep()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.FAILED, "worker-lost")
    assert "After 2 attempts it is set aside" in job.error_message


def test_fresh_work_goes_on_while_poisonous_files_kill_their_workers(album, owner, settings):
    """The worst case: each of them is due again at once, and each attempt costs a worker."""
    settings.BACKOFF_BASE_SECONDS = 0
    poison = making.received(album)
    for _ in range(2):
        making.received(album, batch=poison.batch)
    winter = Album.objects.create(title="Winter", owner=owner)
    fresh = making.received(winter)
    for _ in range(9):
        making.received(winter, batch=fresh.batch)

    claimed = []
    while job := jobs.claim_next("tester"):
        claimed.append(job.album_id)
        if job.album_id == winter.pk:
            jobs.complete(job, making.photo(winter, job), [])
        else:
            ProcessingJob.objects.filter(pk=job.pk).update(lease_until=ago(seconds=1))
            recovery.sweep()

    assert claimed[:20].count(winter.pk) >= 9
    assert len(claimed) == 10 + 3 * settings.MAX_ATTEMPTS
    assert ProcessingJob.objects.failed().count() == 3


def test_what_failed_once_waits_behind_its_albums_other_photos(album):
    first = making.received(album)
    second = making.received(album, batch=first.batch)
    jobs.retry(jobs.claim_next("tester"), "storage", "It did not work.")
    ProcessingJob.objects.update(run_after=ago(seconds=1))

    assert [jobs.claim_next("tester").pk for _ in range(2)] == [second.pk, first.pk]


def test_a_job_with_a_live_lease_is_left_alone(album):
    job = making.job_in(album, JobState.PROCESSING)

    assert recovery.sweep().rescued == 0
    assert ProcessingJob.objects.get().claim == job.claim


def test_an_idle_upload_expires_and_its_album_opens(album):
    making.upload(album)
    Upload.objects.update(expires_at=ago(seconds=1))

    assert recovery.sweep().expired == 1
    assert Upload.objects.get().state == UploadState.EXPIRED


def test_leftovers_that_nobody_holds_go(album, data_dir):
    path = put(data_dir, "renditions/ab/abc/400.webp")
    Leftover.note(["renditions/ab/abc/400.webp"])

    assert recovery.sweep().leftovers == 1
    assert (path.exists(), Leftover.objects.count()) == (False, 0)


def test_leftovers_of_a_live_claim_stay(album, data_dir):
    job = making.job_in(album, JobState.PROCESSING)
    path = put(data_dir, "renditions/ab/abc/400.webp", days=3)
    Leftover.note(["renditions/ab/abc/400.webp"], hold=job.claim)
    Leftover.objects.update(created_at=ago(days=3))

    recovery.sweep()

    assert path.exists()


def test_leftovers_of_a_lost_claim_go_but_are_remembered_for_its_late_writes(album, data_dir):
    path = put(data_dir, "renditions/ab/abc/400.webp")
    Leftover.note(["renditions/ab/abc/400.webp"], hold=uuid.uuid4())

    recovery.sweep()
    assert path.exists()

    Leftover.objects.update(created_at=ago(minutes=2))
    recovery.sweep()
    assert (path.exists(), Leftover.objects.count()) == (False, 1)

    put(data_dir, "renditions/ab/abc/400.webp")
    recovery.sweep()
    assert (path.exists(), Leftover.objects.count()) == (False, 1)

    Leftover.objects.update(created_at=ago(days=1))
    recovery.sweep()
    assert Leftover.objects.count() == 0


@pytest.mark.parametrize("name", ["{0}", "{0}.part", "who-knows.jpg"])
def test_old_files_in_incoming_that_no_row_knows_go(db, data_dir, name):
    old = put(data_dir, "incoming/" + name.format(uuid.uuid4()), hours=2)
    new = put(data_dir, "incoming/" + name.format(uuid.uuid4()).replace("who", "whom"))

    assert recovery.sweep().strays == 1
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(("hours", "is_left"), [(0, True), (5, True), (7, False)])
def test_a_copy_on_loan_is_nobodys_only_when_no_reader_can_be_left(db, data_dir, settings, hours, is_left):
    settings.ORPHAN_GRACE_SECONDS = 0
    copy = put(data_dir, f"incoming/{LOCAL_COPY_PREFIX}0a1b.work/photo.jpg", hours=hours)

    assert consistency.verify().is_clean
    assert recovery.sweep().strays == (not is_left)
    assert copy.exists() == is_left


def test_what_a_lost_claim_was_working_on_goes_at_once(album, data_dir):
    job = making.job_in(album, JobState.PROCESSING)
    scratch = put(data_dir, f"incoming/{job.claim.hex}.work/400.webp")
    ProcessingJob.objects.update(lease_until=ago(seconds=1))

    assert recovery.sweep().strays == 1
    assert not scratch.parent.exists()


def test_raw_files_of_uploads_and_jobs_stay_however_old(album, data_dir):
    failed = making.job_in(album, JobState.FAILED)
    in_work = making.job_in(album, JobState.PROCESSING)
    waiting = making.received(album, batch=in_work.batch)
    on_its_way = making.upload(album, batch=in_work.batch)
    kept = [
        *(put(data_dir, job.raw_path, days=9) for job in (failed, in_work, waiting)),
        put(data_dir, on_its_way.key + ".part", days=9),
        put(data_dir, f"incoming/{in_work.claim.hex}.work/400.webp", days=9),
    ]

    assert recovery.sweep().strays == 0
    assert all(path.exists() for path in kept)


def test_a_bell_that_never_rang_is_rung(album):
    making.received(album)
    ProcessingJob.objects.update(updated_at=ago(seconds=5))

    assert recovery.sweep().bells == 1


def test_a_bell_is_missed_though_the_clock_was_set_back(album):
    making.received(album)
    ProcessingJob.objects.update(updated_at=ago(hours=-1))

    assert recovery.sweep().bells == 1


def test_bytes_that_cannot_be_deleted_stop_no_sweep(album, data_dir):
    key = "renditions/ab/abc/400.webp"
    (data_dir / key).mkdir(parents=True)
    Leftover.note([key], hold=uuid.uuid4())
    Leftover.objects.update(created_at=ago(minutes=5))
    making.received(album)
    ProcessingJob.objects.update(updated_at=ago(seconds=5))

    assert recovery.sweep().bells == 1


def test_a_worker_deletes_for_a_while_and_goes_on_with_the_next_sweep(album, data_dir, monkeypatch):
    """Between two sweeps it has photos to develop."""
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    job = making.received(album)
    for _ in range(3):
        making.photo(album, job).save()
    Photo.objects.update(trashed_at=ago(days=31))
    Leftover.objects.all().delete()
    for name in "abc":
        put(data_dir, f"renditions/ab/{name}/400.webp")
        Leftover.note([f"renditions/ab/{name}/400.webp"])

    first = recovery.sweep(0)
    waiting = Photo.objects.count(), Leftover.objects.filter(key__startswith="renditions").count()
    rest = [recovery.sweep(0) for _ in range(2)]

    assert (first.trashed_photos, waiting) == (2, (1, 2))
    assert [swept.trashed_photos for swept in rest] == [1, 0]
    recovery.sweep()
    assert (Photo.objects.count(), Leftover.objects.count()) == (0, 0)


def test_more_leftovers_than_are_looked_at_together_all_go(data_dir, db, monkeypatch):
    monkeypatch.setattr(removal, "BATCH_SIZE", 2)
    keys = [f"renditions/ab/{name}/400.webp" for name in "abcde"]
    Leftover.note(keys)

    assert (recovery.sweep().leftovers, Leftover.objects.count()) == (5, 0)


def test_old_events_are_forgotten(album):
    making.received(album)
    JobEvent.objects.update(at=ago(days=91))

    assert recovery.sweep().old_events == 1


def test_a_second_sweep_finds_nothing_to_do(album, settings):
    settings.BACKOFF_BASE_SECONDS = 3600  # or its next attempt may be due by then
    settings.BACKOFF_MAX_SECONDS = 3600
    making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=ago(seconds=1))
    recovery.sweep()

    assert recovery.sweep() == recovery.SweepResult(*[0] * 12)
