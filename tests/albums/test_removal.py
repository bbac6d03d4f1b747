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


def test_the_files_of_a_deleted_photo_are_deleted(photo, stored, django_capture_on_commit_callbacks):
    assert len(files(stored)) == 3

    with django_capture_on_commit_callbacks(execute=True):
        photo.delete()

    assert (files(stored), Leftover.objects.count()) == ([], 0)


def test_the_files_of_a_photo_are_kept_if_its_deletion_is_rolled_back(photo, stored):
    with transaction.atomic():
        photo.delete()
        transaction.set_rollback(True)

    assert (len(files(stored)), Leftover.objects.count(), Photo.objects.count()) == (3, 0, 1)


def test_leftovers_remain_after_a_crash_before_the_files_are_deleted(photo, stored):
    keys = {photo.original_key, *photo.renditions.values_list("key", flat=True)}

    photo.delete()  # the test's transaction never commits, so on_commit callbacks do not run

    assert set(Leftover.objects.values_list("key", flat=True)) >= keys
    removal.clear(Leftover.objects.all())
    assert files(stored) == []


def test_deleting_an_album_deletes_its_jobs_and_their_files(
    album, photo, data_dir, stored, django_capture_on_commit_callbacks
):
    batch = making.received(album).batch
    making.received(album, batch=batch)
    failed_job = jobs.claim_next("tester")
    jobs.give_up(failed_job, "broken", "The file is damaged.")
    claimed_job = jobs.claim_next("tester")

    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_album(album)

    assert (ProcessingJob.objects.count(), Leftover.objects.count(), files(stored)) == (0, 0, [])
    assert list((data_dir / "incoming").iterdir()) == []
    with pytest.raises(jobs.ClaimLost):
        jobs.complete(claimed_job, making.photo(Album.objects.create(title="Other"), claimed_job), [])


def test_no_file_remains_of_an_album_deleted_while_a_photo_is_rendered(
    album, stored, monkeypatch, django_capture_on_commit_callbacks
):
    making.received(album)
    develop = shared_sandbox.sandbox().develop

    def develop_and_delete_album(*paths):
        picture = develop(*paths)
        removal.delete_album(album)
        return picture

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", develop_and_delete_album)
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()

    assert (Photo.objects.count(), files(stored)) == (0, [])


def test_the_leftover_of_a_file_that_cannot_be_deleted_is_kept(data_dir, db):
    (data_dir / "originals/ab").mkdir()
    (data_dir / "originals/ab/not-a-file.jpg").mkdir()
    Leftover.note(["originals/ab/not-a-file.jpg"])

    assert removal.clear(Leftover.objects.all()) == 0
    assert Leftover.objects.count() == 1


def test_deleting_an_album_does_not_change_another_album(
    album, photo, owner, data_dir, django_capture_on_commit_callbacks
):
    other_album = Album.objects.create(title="Winter", owner=owner)
    job = making.received(other_album)

    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_album(album)

    assert ProcessingJob.objects.get().state == JobState.PENDING
    assert (data_dir / job.raw_path).exists()
