"""Files that are stored but not published yet, while a sweep looks for what nobody wants."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from albums.models import Leftover, Photo
from processing.integrity import consistency, repair
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.maintenance import sweep as recovery
from processing.rendering import worker
from processing.storage import store
from tests import polling
from tests.processing import making


@pytest.fixture
def photo(album, django_capture_on_commit_callbacks) -> Photo:
    """One of its renditions is lost."""
    making.received(album, making.jpeg((900, 600)))
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    photo: Photo = album.photos.get()
    store().delete(photo.renditions.get(edge=400).key)
    return photo


def in_the_middle(monkeypatch, at: Point, act) -> None:
    """Of making renditions again: once, at this point."""

    def reach(point: Point) -> None:
        if point == at:
            monkeypatch.undo()
            act()

    monkeypatch.setattr(failpoints, "reach", reach)


def repaired() -> tuple[consistency.Findings, list[str]]:
    said: list[str] = []
    return repair.repair(consistency.verify(), said.append), said


@pytest.mark.django_db(transaction=True)
def test_a_store_that_takes_longer_than_a_lease_loses_nothing_to_a_sweep(photo, settings, monkeypatch):
    settings.LEASE_SECONDS = 24  # renewed every three seconds; a machine that stands still for twelve loses it

    def noted() -> datetime:
        return Leftover.objects.exclude(hold=None).earliest("created_at").created_at

    def slow() -> None:
        first = noted()
        polling.until(lambda: noted() > first, what="the hold is not renewed while the store is slow")
        recovery.delete_leftovers(first + timedelta(seconds=settings.LEASE_SECONDS, milliseconds=1))

    in_the_middle(monkeypatch, Point.BETWEEN_RENDITIONS, slow)

    found, said = repaired()

    assert found.is_clean, said
    assert consistency.verify().is_clean


@pytest.mark.django_db
def test_who_was_frozen_for_longer_than_a_lease_publishes_nothing(photo, monkeypatch):
    before = set(photo.renditions.values_list("key", flat=True))

    def frozen() -> None:
        Leftover.objects.exclude(hold=None).update(created_at=timezone.now() - timedelta(hours=2))
        recovery.delete_leftovers(timezone.now())

    in_the_middle(monkeypatch, Point.BEFORE_RENDITIONS, frozen)

    found, said = repaired()

    assert len(found.missing) == 1
    assert "Run the repair again" in said[0]
    assert set(photo.renditions.values_list("key", flat=True)) == before
    assert repaired()[0].is_clean


@pytest.mark.django_db
def test_who_may_have_lost_files_publishes_nothing_though_they_are_there_yet(photo, monkeypatch):
    """A sweep lists what it takes before it takes it."""

    def late() -> None:
        Leftover.objects.exclude(hold=None).update(created_at=timezone.now() - timedelta(seconds=45))

    in_the_middle(monkeypatch, Point.BEFORE_RENDITIONS, late)

    assert len(repaired()[0].missing) == 1
