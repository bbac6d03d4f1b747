"""The scrub: the background check of stored files."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from albums.models import Photo
from processing import tasks
from processing.integrity import readback, scrub
from processing.lib import system_memory
from processing.models import Finding
from processing.rendering import worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album, data_dir) -> list[Photo]:
    """Three photos that were not checked yet, each with an original and one rendition."""
    batch = making.received(album, making.jpeg((500, 400))).batch
    for _ in range(2):
        making.received(album, making.jpeg((500, 400)), batch=batch)
    while worker.develop_next():
        pass
    return list(album.photos.all())


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def size_of(photo: Photo) -> int:
    return photo.original_bytes + sum(rendition.bytes for rendition in photo.renditions.all())


def test_an_intact_photo_is_marked_as_verified(photos):
    before = timezone.now()

    assert scrub.step() == 3

    assert all(photo.verified_at > before for photo in Photo.objects.all())
    assert Finding.objects.count() == 0


def test_a_photo_is_not_checked_again_for_a_week(photos):
    scrub.step()
    assert scrub.step() == 0

    Photo.objects.filter(pk=photos[1].pk).update(checked_at=timezone.now() - timedelta(days=8))
    assert scrub.step() == 1


@pytest.mark.parametrize(("damage", "problem"), [(Path.unlink, "missing"), (lambda p: p.write_bytes(b"x"), "corrupt")])
def test_a_damaged_file_becomes_a_finding_and_no_file_changes(photos, data_dir, caplog, damage, problem):
    key = photos[0].renditions.first().key
    damage(data_dir / key)
    before = snapshot(data_dir / "originals") | snapshot(data_dir / "renditions")

    scrub.step()

    assert list(Finding.objects.values_list("key", "problem", "photo")) == [(key, problem, photos[0].pk)]
    assert [photo.verified_at is None for photo in Photo.objects.order_by("pk")] == [True, False, False]
    assert key in caplog.text
    assert snapshot(data_dir / "originals") | snapshot(data_dir / "renditions") == before


def test_a_finding_is_deleted_when_the_file_is_intact_again(photos, data_dir):
    path = data_dir / photos[0].original_key
    content = path.read_bytes()
    path.unlink()
    scrub.step()
    path.write_bytes(content)
    Photo.objects.update(checked_at=None)

    scrub.step()

    assert Finding.objects.count() == 0
    assert Photo.objects.filter(verified_at=None).count() == 0


def test_the_bytes_read_per_day_are_limited(photos, settings):
    settings.SCRUB_BYTES_PER_DAY = size_of(photos[0]) + 1

    assert (scrub.step(), scrub.step()) == (2, 0)

    Photo.objects.exclude(checked_at=None).update(checked_at=timezone.now() - timedelta(days=1, seconds=1))
    assert scrub.step() == 1


def test_the_scrub_is_off_if_its_daily_limit_is_zero(photos, settings):
    settings.SCRUB_BYTES_PER_DAY = 0

    assert scrub.step() == 0


@pytest.mark.parametrize("limit", ["STEP_BYTES", "STEP_SECONDS"])
def test_one_step_is_limited_in_bytes_and_seconds(photos, monkeypatch, limit):
    monkeypatch.setattr(scrub, limit, 0.000001)

    assert scrub.step() <= 1


def test_the_scrub_waits_while_a_job_is_due(photos, album):
    making.received(album)

    assert scrub.step() == 0


def test_a_new_job_interrupts_the_scrub_and_the_photo_is_read_later(photos, album, monkeypatch):
    monkeypatch.setattr(readback, "CHECK_EVERY_BYTES", 1)
    on_bytes_read = readback.PreemptionCheck.on_bytes_read

    def receive_a_job(check, count):
        if not check.bytes:
            making.received(album)
        on_bytes_read(check, count)

    monkeypatch.setattr(readback.PreemptionCheck, "on_bytes_read", receive_a_job)

    assert scrub.step() == 0
    assert Photo.objects.filter(checked_at=None).count() == 3


def test_the_scrub_waits_while_memory_is_short(photos, settings, monkeypatch):
    settings.MEMORY_MARK = 1
    monkeypatch.setattr(system_memory, "share_in_use", lambda: 0.5)

    assert scrub.step() == 0


def test_missing_storage_does_not_report_all_photos_as_lost(photos, data_dir):
    (data_dir / "originals").rename(data_dir / "elsewhere")

    assert scrub.step() == 0
    assert Finding.objects.count() == 0


def test_a_photo_deleted_during_the_check_is_no_finding(photos, data_dir, monkeypatch):
    for photo in photos:
        (data_dir / photo.original_key).unlink()
    monkeypatch.setattr(readback.PreemptionCheck, "on_bytes_read", lambda *_: Photo.objects.all().delete())

    scrub.step()

    assert Finding.objects.count() == 0


def test_workers_scrub_with_each_sweep(photos):
    tasks.sweep.call_local()

    assert Photo.objects.filter(verified_at=None).count() == 0


def test_the_queue_page_shows_findings_to_the_owner_only(photos, data_dir, owner, stranger):
    (data_dir / photos[0].original_key).unlink()
    scrub.step()

    def page(user) -> str:
        client = Client()
        client.force_login(user)
        return client.get("/jobs/").content.decode()

    assert photos[0].original_key in page(owner)
    assert "verify --repair" in page(owner)
    assert photos[0].original_key not in page(stranger)
