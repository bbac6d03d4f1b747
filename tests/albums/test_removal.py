import pytest
from django.db import transaction

from albums import removal
from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from tests.processing import making

pytestmark = pytest.mark.django_db


def files(stored) -> list[str]:
    return [path.name for room in ("incoming", "originals", "renditions") for path in (stored / room).rglob("*.*")]


def test_a_deleted_photos_files_go_with_it(photo, stored, django_capture_on_commit_callbacks):
    assert len(files(stored)) == 3

    with django_capture_on_commit_callbacks(execute=True):
        photo.delete()

    assert (files(stored), Leftover.objects.count()) == ([], 0)


def test_a_delete_that_is_undone_keeps_the_files(photo, stored):
    with transaction.atomic():
        photo.delete()
        transaction.set_rollback(True)

    assert (len(files(stored)), Leftover.objects.count(), Photo.objects.count()) == (3, 0, 1)


def test_a_crash_before_the_files_are_deleted_leaves_them_remembered(photo, stored):
    keys = {photo.original_key, *photo.renditions.values_list("key", flat=True)}

    photo.delete()  # the test's transaction never commits, so nothing after the commit happens

    assert set(Leftover.objects.values_list("key", flat=True)) >= keys
    removal.clear(Leftover.objects.all())
    assert files(stored) == []


def test_deleting_an_album_stops_and_cleans_its_jobs(
    album, photo, data_dir, stored, django_capture_on_commit_callbacks
):
    batch = making.received(album).batch
    making.received(album, batch=batch)
    failed = jobs.claim_next("tester")
    jobs.give_up(failed, "broken", "The file is damaged.")
    in_work = jobs.claim_next("tester")

    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_album(album)

    assert (ProcessingJob.objects.count(), Leftover.objects.count(), files(stored)) == (0, 0, [])
    assert list((data_dir / "incoming").iterdir()) == []
    with pytest.raises(jobs.ClaimLost):
        jobs.complete(in_work, making.photo(Album.objects.create(title="Other"), in_work), [])


def test_an_album_deleted_while_a_photo_is_rendered_leaves_nothing(
    album, stored, monkeypatch, django_capture_on_commit_callbacks
):
    making.received(album)
    develop = shared_sandbox.sandbox().develop

    def deleted_meanwhile(*paths):
        picture = develop(*paths)
        removal.delete_album(album)
        return picture

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", deleted_meanwhile)
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()

    assert (Photo.objects.count(), files(stored)) == (0, [])


def test_a_file_that_cannot_be_deleted_stays_remembered(data_dir, db):
    (data_dir / "originals/ab").mkdir()
    (data_dir / "originals/ab/not-a-file.jpg").mkdir()
    Leftover.note(["originals/ab/not-a-file.jpg"])

    assert removal.clear(Leftover.objects.all()) == 0
    assert Leftover.objects.count() == 1


def test_deleting_one_album_leaves_another_alone(album, photo, owner, data_dir, django_capture_on_commit_callbacks):
    other = Album.objects.create(title="Winter", owner=owner)
    job = making.received(other)

    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_album(album)

    assert ProcessingJob.objects.get().state == JobState.PENDING
    assert (data_dir / job.raw_path).exists()
