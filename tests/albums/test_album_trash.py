from datetime import timedelta

import pytest
from django.db.models.signals import pre_delete
from django.urls import reverse
from django.utils import timezone

from albums import album_trash, removal, trash
from albums.models import Album, Leftover, Photo
from processing.integrity import consistency, scrub
from processing.maintenance import sweep as recovery
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.queries import queue_overview
from processing.rendering import worker
from processing.uploads import batches
from processing.uploads import lifecycle as uploads
from tests.albums.test_trash import files, rows
from tests.processing import making

pytestmark = pytest.mark.django_db


def age(album: Album, **span: float) -> None:
    Album.objects.filter(pk=album.pk).update(trashed_at=timezone.now() - timedelta(**span))


def test_an_album_in_the_trash_keeps_its_files_and_is_still_checked(
    album, photo, data_dir, django_capture_on_commit_callbacks
):
    before = files(data_dir)

    with django_capture_on_commit_callbacks(execute=True):
        assert album_trash.move_to_trash(album, by="anna") is True
        recovery.sweep()

    found = consistency.verify()
    assert (files(data_dir), found.photos, found.is_clean) == (before, 1, True)
    (data_dir / photo.original_key).write_bytes(b"rotten")
    assert consistency.verify().corrupt == [photo.original_key]
    scrub.step()
    assert Photo.objects.get().checked_at is not None


def test_it_is_visible_to_nobody(album, photo, owner, admin):
    album_trash.move_to_trash(album, by="anna")

    for person in (owner, admin):
        assert list(Album.objects.visible_to(person)) == []
        assert list(Photo.objects.visible_to(person)) == []
        assert list(Album.objects.changeable_by(person).trashed()) == [album]
    assert queue_overview.build(Album.objects.visible_to(owner)).photos == 0


def test_it_is_restored_with_all_that_was_in_it(album):
    photos = rows(album, 3)
    trash.move_to_trash(photos[1])
    album_trash.move_to_trash(album, by="anna")

    assert album_trash.restore(album) is True

    assert (album.trashed_at, Album.objects.get().trashed_at) == (None, None)
    assert list(album.photos.shown()) == [photos[0], photos[2]]
    assert list(album.photos.trashed()) == [photos[1]]


def test_what_is_not_in_the_trash_cannot_be_restored_or_deleted_permanently(album, owner):
    rows(album, 1)
    gone = Album.objects.create(title="Winter", owner=owner)
    album_trash.move_to_trash(gone, by="anna")
    same = Album.objects.get(pk=gone.pk)
    assert album_trash.remove(gone) is True

    answers = [act(one) for act in (album_trash.restore, album_trash.remove) for one in (album, same)]

    assert answers == [False] * 4
    assert (Album.objects.get(), Photo.objects.count()) == (album, 1)


def test_moving_an_album_to_the_trash_twice_does_not_prolong_its_days(album):
    age(album, days=20)

    album_trash.move_to_trash(album, by="anna")

    assert timezone.now() - Album.objects.get().trashed_at > timedelta(days=19)


def test_without_days_there_is_no_trash_and_the_files_go_at_once(
    album, photo, data_dir, settings, django_capture_on_commit_callbacks
):
    settings.TRASH_DAYS = 0

    with django_capture_on_commit_callbacks(execute=True):
        assert album_trash.move_to_trash(album, by="anna") is False

    assert (files(data_dir), Album.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_deleting_permanently_takes_files_batches_and_raw_files_along(
    album, photo, data_dir, django_capture_on_commit_callbacks
):
    making.job_in(album, JobState.FAILED)
    album_trash.move_to_trash(album, by="anna")

    with django_capture_on_commit_callbacks(execute=True):
        assert album_trash.remove(album) is True

    left = [model.objects.count() for model in (Album, Photo, Batch, Upload, ProcessingJob, Leftover)]
    assert (files(data_dir), list((data_dir / "incoming").iterdir()), left) == ([], [], [0] * 6)


def test_uploads_on_their_way_stop_with_a_reason_and_their_bytes_go(album, data_dir):
    upload = making.upload(album)

    album_trash.move_to_trash(album, by="anna")

    upload.refresh_from_db()
    assert (upload.state, upload.code) == (UploadState.CANCELLED, "album-in-trash")
    assert upload.message.startswith("anna moved the album to the trash")
    assert uploads.finish(upload, 1, "0" * 64) is None


def test_what_had_arrived_is_developed_and_is_there_when_the_album_is_restored(
    album, stored, django_capture_on_commit_callbacks
):
    making.received(album, making.jpeg((500, 400)))
    album_trash.move_to_trash(album, by="anna")

    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    album_trash.restore(album)

    assert (album.photos.shown().count(), len(files(stored))) == (1, 3)


def test_no_upload_can_begin(album, owner):
    album_trash.move_to_trash(album, by="anna")

    for begin in (
        lambda: batches.open_with_upload(album, owner, Batch.Source.FORM, "a.jpg"),
        lambda: batches.join_or_open(album, owner, Batch.Source.TUS, "a.jpg", 1),
    ):
        with pytest.raises(Album.DoesNotExist):
            begin()
    assert Upload.objects.count() == 0


def test_the_sweep_stops_what_a_crash_left_on_its_way(album):
    upload = making.upload(album)
    age(album, seconds=1)  # the row was written, and the process died

    assert recovery.sweep().stopped == 1

    upload.refresh_from_db()
    assert upload.code == "album-in-trash"


def test_the_sweep_deletes_permanently_what_had_its_days(album, photo, data_dir, django_capture_on_commit_callbacks):
    age(album, days=30, seconds=1)

    with django_capture_on_commit_callbacks(execute=True):
        assert recovery.sweep().trashed_albums == 1

    assert (files(data_dir), Album.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_the_sweep_leaves_the_shown_and_the_freshly_deleted_alone(album, owner):
    fresh = Album.objects.create(title="Winter", owner=owner)
    rows(fresh, 1)
    age(fresh, days=29, hours=23)

    assert recovery.sweep().trashed_albums == 0
    assert set(Album.objects.all()) == {album, fresh}
    assert Photo.objects.count() == 1


def test_nothing_is_deleted_permanently_while_the_storage_is_away(album, photo, data_dir):
    age(album, days=31)
    (data_dir / "originals").rename(data_dir / "elsewhere")

    assert recovery.sweep().trashed_albums == 0
    (data_dir / "elsewhere").rename(data_dir / "originals")
    assert recovery.sweep().trashed_albums == 1


def test_a_large_album_is_deleted_in_portions_the_longest_in_the_trash_first(album, owner, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    rows(album, 5)
    first = Album.objects.create(title="Winter", owner=owner)
    rows(first, 1)
    age(album, days=31)
    age(first, days=32)
    now = timezone.now()

    left = []
    for _ in range(4):
        left.append((album_trash.purge(now, until=0), Photo.objects.count(), Album.objects.count()))

    assert left == [(1, 5, 1), (0, 3, 1), (0, 1, 1), (1, 0, 0)]


def test_what_one_request_cannot_delete_of_a_large_album_is_left_to_the_sweep(album, owner, client, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    monkeypatch.setattr(removal, "REQUEST_SECONDS", 0)
    client.force_login(owner)
    rows(album, 5)
    age(album, days=1)

    response = client.post(reverse("albums:delete-permanently", args=[album.pk]), follow=True)

    assert "the rest of it is deleted within the next minutes" in response.content.decode()
    assert (album.photos.count(), Album.objects.trashed().count()) == (3, 1)
    assert (recovery.sweep().trashed_albums, Photo.objects.count(), Album.objects.count()) == (1, 0, 0)


def test_an_album_that_is_restored_in_the_middle_of_a_purge_keeps_the_rest(album, monkeypatch):
    rows(album, 5)
    age(album, days=31)
    monkeypatch.setattr(removal, "BATCH_SIZE", 2)
    delete_chunk = removal._delete_chunk

    def restored_after_the_first(photos, most):
        count = delete_chunk(photos, most)
        album_trash.restore(album)
        return count

    monkeypatch.setattr(removal, "_delete_chunk", restored_after_the_first)

    assert album_trash.purge(timezone.now()) == 0
    assert (album.photos.count(), Album.objects.get().trashed_at) == (3, None)


def test_an_album_is_deleted_one_batch_at_a_time(album):
    for _ in range(3):
        making.job_in(album, JobState.COMPLETED)
    sizes = []

    def count(sender, **_):
        sizes.append(Batch.objects.count())

    pre_delete.connect(count, sender=Batch)
    try:
        removal.delete_album(album)
    finally:
        pre_delete.disconnect(count, sender=Batch)

    assert (sizes, Upload.objects.count()) == ([3, 2, 1], 0)


def test_who_deletes_permanently_hears_of_it_although_the_sweep_was_sooner(album, owner, client, monkeypatch):
    delete_photos = removal.delete_photos

    def swept_before(*args) -> int:
        monkeypatch.setattr(removal, "delete_photos", delete_photos)
        album_trash.purge(timezone.now())
        return delete_photos(*args)

    monkeypatch.setattr(removal, "delete_photos", swept_before)
    client.force_login(owner)
    rows(album, 2)
    age(album, days=1)

    response = client.post(reverse("albums:delete-permanently", args=[album.pk]), follow=True)

    assert f"{album.title} was deleted permanently." in response.content.decode()
    assert (Photo.objects.count(), Album.objects.count()) == (0, 0)
