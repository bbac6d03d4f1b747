"""Stored files are read back and verified soon after the photo is made, but jobs come first."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from albums.models import Photo
from processing import tasks
from processing.integrity import file_check, post_write, readback
from processing.lib import system_memory
from processing.maintenance import sweep
from processing.models import Batch, Finding
from processing.rendering import worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album, data_dir) -> list[Photo]:
    """Three photos of one batch, then one of a second batch, none of them read back."""
    batch = making.received(album, making.jpeg((500, 400))).batch
    for _ in range(2):
        making.received(album, making.jpeg((500, 400)), batch=batch)
    develop_all()
    making.received(album, making.jpeg((500, 400)))
    develop_all()
    return list(album.photos.all())


def develop_all() -> None:
    while worker.develop_next():
        pass


def unverified() -> list[int]:
    return list(Photo.objects.filter(verified_at=None).order_by("pk").values_list("pk", flat=True))


def verify_all() -> int:
    count = 0
    while post_write.verify_next():
        count += 1
    return count


def test_each_photo_is_read_back_once_the_newest_batch_first(photos):
    assert post_write.verify_next()
    assert unverified() == [photo.pk for photo in photos[:3]]

    assert verify_all() == 3
    assert unverified() == []
    assert verify_all() == 0


def test_a_due_job_comes_before_reading_back(photos, album):
    making.received(album)

    assert not post_write.verify_next()
    assert len(unverified()) == 4


def test_a_job_that_waits_for_its_retry_does_not_delay_reading_back(photos, album):
    job = making.received(album)
    type(job).objects.filter(pk=job.pk).update(run_after=timezone.now() + timedelta(seconds=100))

    assert post_write.verify_next()


def test_a_new_job_interrupts_reading_back_and_a_wake_up_is_sent_for_it(photos, album, monkeypatch):
    monkeypatch.setattr(readback, "CHECK_EVERY_BYTES", 1)
    on_bytes_read = readback.PreemptionCheck.on_bytes_read

    def receive_a_job(check, count):
        if not check.bytes:
            making.received(album)
        on_bytes_read(check, count)

    monkeypatch.setattr(readback.PreemptionCheck, "on_bytes_read", receive_a_job)

    assert not post_write.verify_next()
    assert Photo.objects.filter(checked_at=None).count() == 4
    assert HUEY.pending_count() == 1


def test_while_jobs_are_due_each_sweep_reads_back_a_slice(photos, album, settings):
    settings.SWEEP_SECONDS = 1e-6
    making.received(album)

    assert post_write.verify_slice() == 1
    settings.SWEEP_SECONDS = 600
    assert post_write.verify_slice() == 3
    assert unverified() == []


def test_without_due_jobs_a_sweep_reads_back_no_slice(photos):
    assert post_write.verify_slice() == 0


def test_reading_back_that_was_killed_starts_again_after_the_lease(photos, settings):
    settings.LEASE_SECONDS = 3600
    Photo.objects.update(checked_at=timezone.now() - timedelta(seconds=600))
    assert verify_all() == 0

    settings.LEASE_SECONDS = 60
    assert verify_all() == 4


def test_reading_back_is_not_delayed_by_a_clock_that_was_set_back(photos):
    Photo.objects.update(checked_at=timezone.now() + timedelta(days=300))

    assert verify_all() == 4


def test_photos_older_than_this_feature_are_left_to_the_scrub(photos):
    Photo.objects.update(created_at=timezone.now() - post_write.FRESH - timedelta(seconds=1))

    assert verify_all() == 0


@pytest.mark.parametrize(("damage", "problem"), [(Path.unlink, "missing"), (lambda p: p.write_bytes(b"x"), "corrupt")])
def test_a_damaged_file_becomes_a_finding_and_is_not_read_again(photos, data_dir, caplog, damage, problem):
    key = photos[0].original_key
    damage(data_dir / key)

    assert verify_all() == 4

    assert list(Finding.objects.values_list("key", "problem", "photo")) == [(key, problem, photos[0].pk)]
    assert unverified() == [photos[0].pk]
    assert key in caplog.text


def test_reading_back_waits_while_the_server_lacks_memory_or_storage(photos, settings, monkeypatch, data_dir):
    settings.MEMORY_MARK = 1
    monkeypatch.setattr(system_memory, "share_in_use", lambda: 0.5)
    assert not post_write.verify_next()

    monkeypatch.undo()
    (data_dir / "originals").rename(data_dir / "elsewhere")
    assert not post_write.verify_next()
    assert Finding.objects.count() == 0


def test_a_wake_up_that_finds_no_job_verifies_a_photo(photos):
    tasks.develop_next.call_local(0)

    assert len(unverified()) == 3


def test_each_new_photo_sends_a_wake_up_to_verify_it(album, django_capture_on_commit_callbacks):
    making.received(album)
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()

    assert HUEY.pending_count() == 1


def test_the_sweep_sends_lost_wake_ups_for_unverified_photos_again(photos):
    Photo.objects.update(created_at=timezone.now() - timedelta(seconds=5))

    assert sweep.sweep().wakeups == 4
    assert sweep.sweep().wakeups == 0
    assert HUEY.pending_count() == 4


def test_workers_read_back_a_slice_with_each_sweep(photos, album):
    making.received(album)

    tasks.sweep.call_local()

    assert len(unverified()) < 4


def test_a_photo_whose_batch_was_deleted_is_verified(photos):
    Batch.objects.all().delete()

    assert verify_all() == 4


def is_in_memory(path: Path) -> bool:
    """preadv2(2) with RWF_NOWAIT returns only bytes that are in the page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(descriptor, [bytearray(4096)], 0, os.RWF_NOWAIT) > 0
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def test_reading_back_reads_the_disk_and_not_the_page_cache(tmp_path):
    path = tmp_path / "original"
    path.write_bytes(os.urandom(1 << 20))
    with path.open("rb") as file:
        os.fsync(file.fileno())
    try:
        assert is_in_memory(path)
    except OSError:
        pytest.skip("this file system cannot tell")

    with path.open("rb") as file:
        file_check._forget_cached(file)

    assert not is_in_memory(path)
