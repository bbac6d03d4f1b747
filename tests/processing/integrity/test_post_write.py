"""The proof: what was stored is read back soon, and never at the cost of developing."""

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
from processing.maintenance import sweep as recovery
from processing.models import Batch, Finding
from processing.rendering import worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album, data_dir) -> list[Photo]:
    """Three of one batch, and then one of another, that nobody has read back."""
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


def unproved() -> list[int]:
    return list(Photo.objects.filter(verified_at=None).order_by("pk").values_list("pk", flat=True))


def prove_all() -> int:
    count = 0
    while post_write.verify_next():
        count += 1
    return count


def test_each_is_read_back_once_the_newest_batch_first(photos):
    assert post_write.verify_next()
    assert unproved() == [photo.pk for photo in photos[:3]]

    assert prove_all() == 3
    assert unproved() == []
    assert prove_all() == 0


def test_developing_comes_first(photos, album):
    making.received(album)

    assert not post_write.verify_next()
    assert len(unproved()) == 4


def test_a_job_that_waits_for_its_retry_holds_up_no_proof(photos, album):
    job = making.received(album)
    type(job).objects.filter(pk=job.pk).update(run_after=timezone.now() + timedelta(seconds=100))

    assert post_write.verify_next()


def test_a_job_that_comes_ends_the_reading_which_is_rung_for_again(photos, album, monkeypatch):
    monkeypatch.setattr(readback, "CHECK_EVERY_BYTES", 1)
    passed = readback.PreemptionCheck.on_bytes_read

    def a_job_comes(attention, count):
        if not attention.bytes:
            making.received(album)
        passed(attention, count)

    monkeypatch.setattr(readback.PreemptionCheck, "on_bytes_read", a_job_comes)

    assert not post_write.verify_next()
    assert Photo.objects.filter(checked_at=None).count() == 4
    assert HUEY.pending_count() == 1


def test_while_there_is_always_a_photo_to_develop_some_are_read_with_each_sweep(photos, album, settings):
    settings.SWEEP_SECONDS = 1e-6
    making.received(album)

    assert post_write.verify_slice() == 1
    settings.SWEEP_SECONDS = 600
    assert post_write.verify_slice() == 3
    assert unproved() == []


def test_slices_are_for_busy_times_only(photos):
    assert post_write.verify_slice() == 0


def test_a_reading_that_was_killed_is_begun_again(photos, settings):
    settings.LEASE_SECONDS = 3600
    Photo.objects.update(checked_at=timezone.now() - timedelta(seconds=600))
    assert prove_all() == 0

    settings.LEASE_SECONDS = 60
    assert prove_all() == 4


def test_a_clock_that_was_set_back_holds_nothing_up(photos):
    Photo.objects.update(checked_at=timezone.now() + timedelta(days=300))

    assert prove_all() == 4


def test_a_library_that_was_there_before_is_left_to_the_background_check(photos):
    Photo.objects.update(created_at=timezone.now() - post_write.FRESH - timedelta(seconds=1))

    assert prove_all() == 0


@pytest.mark.parametrize(("spoil", "trouble"), [(Path.unlink, "missing"), (lambda p: p.write_bytes(b"x"), "corrupt")])
def test_what_is_wrong_is_a_finding_and_is_not_read_over_and_over(photos, data_dir, caplog, spoil, trouble):
    key = photos[0].original_key
    spoil(data_dir / key)

    assert prove_all() == 4

    assert list(Finding.objects.values_list("key", "trouble", "photo")) == [(key, trouble, photos[0].pk)]
    assert unproved() == [photos[0].pk]
    assert key in caplog.text


def test_it_waits_while_the_server_is_short_of_something(photos, settings, monkeypatch, data_dir):
    settings.MEMORY_MARK = 1
    monkeypatch.setattr(system_memory, "share_in_use", lambda: 0.5)
    assert not post_write.verify_next()

    monkeypatch.undo()
    (data_dir / "originals").rename(data_dir / "elsewhere")
    assert not post_write.verify_next()
    assert Finding.objects.count() == 0


def test_a_bell_that_finds_no_job_proves_a_photo(photos):
    tasks.develop_next.call_local(0)

    assert len(unproved()) == 3


def test_each_photo_rings_for_its_proof(album, django_capture_on_commit_callbacks):
    making.received(album)
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()

    assert HUEY.pending_count() == 1


def test_the_sweep_rings_for_proofs_whose_bell_was_lost(photos):
    Photo.objects.update(created_at=timezone.now() - timedelta(seconds=5))

    assert recovery.sweep().bells == 4
    assert recovery.sweep().bells == 0
    assert HUEY.pending_count() == 4


def test_workers_read_in_slices_with_their_sweep(photos, album):
    making.received(album)

    tasks.sweep.call_local()

    assert len(unproved()) < 4


def test_a_photo_without_its_batch_is_proved_too(photos):
    Batch.objects.all().delete()

    assert prove_all() == 4


def is_in_memory(path: Path) -> bool:
    """preadv2(2) with RWF_NOWAIT answers only what need not be read from the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(handle, [bytearray(4096)], 0, os.RWF_NOWAIT) > 0
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def test_what_is_read_back_comes_from_the_disk_and_not_from_memory(tmp_path):
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
