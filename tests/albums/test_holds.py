"""Files that are stored but not published yet, while a sweep deletes unreferenced files."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from albums.models import Leftover, Photo
from processing.integrity import consistency, repair
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.maintenance import sweep
from processing.rendering import worker
from processing.storage import store
from tests import polling
from tests.processing import making


@pytest.fixture
def photo(album, django_capture_on_commit_callbacks) -> Photo:
    """A photo with a missing rendition."""
    making.received(album, making.jpeg((900, 600)))
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    photo: Photo = album.photos.get()
    store().delete(photo.renditions.get(edge=400).key)
    return photo


def call_at(monkeypatch, at: Point, function) -> None:
    """Calls `function` once, when the rendering of missing renditions reaches the failpoint `at`."""

    def reach(point: Point) -> None:
        if point == at:
            monkeypatch.undo()
            function()

    monkeypatch.setattr(failpoints, "reach", reach)


def repair_files() -> tuple[consistency.Findings, list[str]]:
    messages: list[str] = []
    return repair.repair(consistency.verify(), messages.append), messages


@pytest.mark.django_db(transaction=True)
def test_a_store_that_is_slower_than_a_lease_loses_no_file_to_a_sweep(photo, settings, monkeypatch):
    settings.LEASE_SECONDS = 24  # renewed every three seconds; a machine that pauses for twelve loses it

    def hold_time() -> datetime:
        return Leftover.objects.exclude(hold=None).earliest("created_at").created_at

    def sweep_after_renewal() -> None:
        first_time = hold_time()
        polling.until(lambda: hold_time() > first_time, what="the hold is not renewed while the store is slow")
        sweep.delete_leftovers(first_time + timedelta(seconds=settings.LEASE_SECONDS, milliseconds=1))

    call_at(monkeypatch, Point.BETWEEN_RENDITIONS, sweep_after_renewal)

    findings, messages = repair_files()

    assert findings.is_clean, messages
    assert consistency.verify().is_clean


@pytest.mark.django_db
def test_a_process_that_paused_for_longer_than_a_lease_publishes_nothing(photo, monkeypatch):
    before = set(photo.renditions.values_list("key", flat=True))

    def expire_and_sweep() -> None:
        Leftover.objects.exclude(hold=None).update(created_at=timezone.now() - timedelta(hours=2))
        sweep.delete_leftovers(timezone.now())

    call_at(monkeypatch, Point.BEFORE_RENDITIONS, expire_and_sweep)

    findings, messages = repair_files()

    assert len(findings.missing) == 1
    assert "Run the repair again" in messages[0]
    assert set(photo.renditions.values_list("key", flat=True)) == before
    assert repair_files()[0].is_clean


@pytest.mark.django_db
def test_a_process_whose_lease_ended_publishes_nothing_though_its_files_still_exist(photo, monkeypatch):
    """A sweep lists the files before it deletes them, so the lease may end between the two."""

    def let_time_pass() -> None:
        Leftover.objects.exclude(hold=None).update(created_at=timezone.now() - timedelta(seconds=45))

    call_at(monkeypatch, Point.BEFORE_RENDITIONS, let_time_pass)

    assert len(repair_files()[0].missing) == 1
