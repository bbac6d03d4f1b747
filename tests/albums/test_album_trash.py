from datetime import timedelta

import pytest
from django.db.models.signals import pre_delete
from django.urls import reverse
from django.utils import timezone

from albums import album_trash, removal, shelf, trash
from albums.models import Album, Leftover, Photo
from processing.integrity import consistency, scrub
from processing.maintenance import sweep
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.queries import queue_overview
from processing.rendering import worker
from processing.uploads import batches, lifecycle
from tests.albums.test_trash import files, rows
from tests.processing import making

pytestmark = pytest.mark.django_db


def age(album: Album, **span: float) -> None:
    Album.objects.filter(pk=album.pk).update(trashed_at=timezone.now() - timedelta(**span))


def test_an_album_in_the_trash_keeps_its_files_and_is_still_checked(
    album, photo, data_dir, django_capture_on_commit_callbacks
):
    files_before = files(data_dir)

    with django_capture_on_commit_callbacks(execute=True):
        assert album_trash.move_to_trash(album) is True
        sweep.sweep()

    report = consistency.verify()
    assert (files(data_dir), report.photos, report.is_clean) == (files_before, 1, True)
    (data_dir / photo.original_key).write_bytes(b"rotten")
    assert consistency.verify().corrupt == [photo.original_key]
    scrub.step()
    assert Photo.objects.get().checked_at is not None


def test_an_album_in_the_trash_is_not_visible(album, photo, owner, admin):
    album_trash.move_to_trash(album)

    for user in (owner, admin):
        assert list(Album.objects.visible_to(user)) == []
        assert list(Photo.objects.visible_to(user)) == []
        assert list(Album.objects.changeable_by(user).trashed()) == [album]
    assert queue_overview.build(Album.objects.visible_to(owner)).photos == 0


def test_an_album_is_restored_with_all_its_photos(album):
    photos = rows(album, 3)
    trash.move_to_trash(photos[1])
    album_trash.move_to_trash(album)

    assert album_trash.restore(album) is True

    assert (album.trashed_at, Album.objects.get().trashed_at) == (None, None)
    assert list(album.photos.shown()) == [photos[0], photos[2]]
    assert list(album.photos.trashed()) == [photos[1]]


def test_an_album_not_in_the_trash_cannot_be_restored_or_deleted_permanently(album, owner):
    rows(album, 1)
    deleted_album = Album.objects.create(title="Winter", owner=owner)
    album_trash.move_to_trash(deleted_album)
    stale_album = Album.objects.get(pk=deleted_album.pk)
    assert album_trash.remove(deleted_album) is True

    results = [
        action(target) for action in (album_trash.restore, album_trash.remove) for target in (album, stale_album)
    ]

    assert results == [False] * 4
    assert (Album.objects.get(), Photo.objects.count()) == (album, 1)


def test_moving_an_album_to_the_trash_twice_does_not_postpone_its_deletion(album):
    age(album, days=20)

    album_trash.move_to_trash(album)

    assert timezone.now() - Album.objects.get().trashed_at > timedelta(days=19)


def test_files_are_deleted_immediately_if_the_trash_is_disabled(
    album, photo, data_dir, settings, django_capture_on_commit_callbacks
):
    settings.TRASH_DAYS = 0

    with django_capture_on_commit_callbacks(execute=True):
        assert album_trash.move_to_trash(album) is False

    assert (files(data_dir), Album.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_deleting_an_album_permanently_deletes_its_files_batches_and_raw_files(
    album, photo, data_dir, django_capture_on_commit_callbacks
):
    making.job_in(album, JobState.FAILED)
    album_trash.move_to_trash(album)

    with django_capture_on_commit_callbacks(execute=True):
        assert album_trash.remove(album) is True

    row_counts = [model.objects.count() for model in (Album, Photo, Batch, Upload, ProcessingJob, Leftover)]
    assert (files(data_dir), list((data_dir / "incoming").iterdir()), row_counts) == ([], [], [0] * 6)


def test_uploads_in_progress_go_on_when_their_album_is_restored_soon(album):
    upload = making.upload(album)

    album_trash.move_to_trash(album)
    assert sweep.sweep().stopped == 0
    album_trash.restore(album)

    upload.refresh_from_db()
    assert upload.state == UploadState.RECEIVING
    assert batches.running_in(album) == upload.batch


def test_photos_received_before_are_developed_and_shown_when_the_album_is_restored(
    album, stored, django_capture_on_commit_callbacks
):
    making.received(album, making.jpeg((500, 400)))
    album_trash.move_to_trash(album)

    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    album_trash.restore(album)

    assert (album.photos.shown().count(), len(files(stored))) == (1, 3)


def test_no_upload_to_an_album_in_the_trash_can_begin(album, owner):
    album_trash.move_to_trash(album)

    for open_upload in (
        lambda: batches.open_with_upload(album, owner, Batch.Source.FORM, "a.jpg"),
        lambda: batches.join_or_open(album, owner, Batch.Source.TUS, "a.jpg", 1),
    ):
        with pytest.raises(Album.DoesNotExist):
            open_upload()
    assert Upload.objects.count() == 0


def test_the_sweep_cancels_uploads_to_an_album_that_stays_in_the_trash(album):
    upload = making.upload(album)
    age(album, seconds=album_trash.UPLOADS_KEPT_SECONDS + 1)

    assert sweep.sweep().stopped == 1

    upload.refresh_from_db()
    assert (upload.state, upload.code) == (UploadState.CANCELLED, "album-in-trash")
    assert upload.message.startswith("The album was moved to the trash during the upload.")
    assert lifecycle.finish(upload, 1, "0" * 64) is None


def test_the_sweep_deletes_albums_permanently_after_their_days_in_the_trash(
    album, photo, data_dir, django_capture_on_commit_callbacks
):
    age(album, days=30, seconds=1)

    with django_capture_on_commit_callbacks(execute=True):
        assert sweep.sweep().trashed_albums == 1

    assert (files(data_dir), Album.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_the_sweep_keeps_shown_albums_and_recently_trashed_ones(album, owner):
    recently_trashed = Album.objects.create(title="Winter", owner=owner)
    rows(recently_trashed, 1)
    age(recently_trashed, days=29, hours=23)

    assert sweep.sweep().trashed_albums == 0
    assert set(Album.objects.all()) == {album, recently_trashed}
    assert Photo.objects.count() == 1


def test_no_album_is_deleted_permanently_while_the_storage_is_unavailable(album, photo, data_dir):
    age(album, days=31)
    (data_dir / "originals").rename(data_dir / "elsewhere")

    assert sweep.sweep().trashed_albums == 0
    (data_dir / "elsewhere").rename(data_dir / "originals")
    assert sweep.sweep().trashed_albums == 1


def test_a_large_album_is_deleted_in_chunks_after_those_longer_in_the_trash(album, owner, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    rows(album, 5)
    older_album = Album.objects.create(title="Winter", owner=owner)
    rows(older_album, 1)
    age(album, days=31)
    age(older_album, days=32)
    now = timezone.now()

    counts = []
    for _ in range(4):
        counts.append((album_trash.purge(now, until=0), Photo.objects.count(), Album.objects.count()))

    assert counts == [(1, 5, 1), (0, 3, 1), (0, 1, 1), (1, 0, 0)]


def test_the_sweep_deletes_what_one_request_cannot_delete_of_a_large_album(album, owner, client, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    monkeypatch.setattr(removal, "REQUEST_SECONDS", 0)
    client.force_login(owner)
    rows(album, 5)
    age(album, days=1)

    response = client.post(reverse("albums:delete-permanently", args=[album.pk]), follow=True)

    assert "The rest is deleted within minutes." in response.content.decode()
    assert (album.photos.count(), Album.objects.trashed().count()) == (3, 1)
    assert (sweep.sweep().trashed_albums, Photo.objects.count(), Album.objects.count()) == (1, 0, 0)


def test_an_album_restored_during_a_purge_keeps_its_remaining_photos(album, monkeypatch):
    rows(album, 5)
    age(album, days=31)
    monkeypatch.setattr(removal, "BATCH_SIZE", 2)
    delete_chunk = removal._delete_chunk

    def restore_after_first_chunk(photos, limit):
        count = delete_chunk(photos, limit)
        album_trash.restore(album)
        return count

    monkeypatch.setattr(removal, "_delete_chunk", restore_after_first_chunk)

    assert album_trash.purge(timezone.now()) == 0
    assert (album.photos.count(), Album.objects.get().trashed_at) == (3, None)


def test_an_album_is_deleted_one_batch_at_a_time(album):
    for _ in range(3):
        making.job_in(album, JobState.COMPLETED)
    sizes = []

    def record_count(sender, **_):
        sizes.append(Batch.objects.count())

    pre_delete.connect(record_count, sender=Batch)
    try:
        removal.delete_album(album)
    finally:
        pre_delete.disconnect(record_count, sender=Batch)

    assert (sizes, Upload.objects.count()) == ([3, 2, 1], 0)


def test_deletion_is_confirmed_although_the_sweep_deleted_the_album_first(album, owner, client, monkeypatch):
    delete_photos = removal.delete_photos

    def sweep_first(*args) -> int:
        monkeypatch.setattr(removal, "delete_photos", delete_photos)
        album_trash.purge(timezone.now())
        return delete_photos(*args)

    monkeypatch.setattr(removal, "delete_photos", sweep_first)
    client.force_login(owner)
    rows(album, 2)
    age(album, days=1)

    response = client.post(reverse("albums:delete-permanently", args=[album.pk]), follow=True)

    assert f"{album.title} was deleted permanently." in response.content.decode()
    assert (Photo.objects.count(), Album.objects.count()) == (0, 0)


@pytest.fixture
def tree_of_albums(album, owner) -> list[Album]:
    """Summer, in which is Italy, in which is Rome."""
    italy = Album.objects.create(title="Italy", owner=owner, parent=album)
    return [album, italy, Album.objects.create(title="Rome", owner=owner, parent=italy)]


def test_albums_inside_an_album_go_to_the_trash_and_come_back_with_it(tree_of_albums):
    summer, italy, rome = tree_of_albums
    album_trash.move_to_trash(rome)
    deleted_at = Album.objects.get(pk=rome.pk).trashed_at

    album_trash.move_to_trash(summer)
    assert set(album_trash.leading(Album.objects.trashed())) == {summer, rome}
    (card,) = shelf.cards(Album.objects.filter(pk=summer.pk))
    assert card.album_count == 1
    album_trash.restore(summer)

    assert list(Album.objects.trashed().values_list("pk", "trashed_at", "parent")) == [(rome.pk, deleted_at, italy.pk)]


def test_an_album_restored_from_an_album_in_the_trash_becomes_a_top_level_album(tree_of_albums):
    summer, italy, rome = tree_of_albums
    album_trash.move_to_trash(summer)

    album_trash.restore(italy)

    italy.refresh_from_db()
    rome.refresh_from_db()
    assert (italy.parent, italy.path, rome.path) == (None, f"/{italy.pk}/", f"/{italy.pk}/{rome.pk}/")
    assert Album.objects.trashed().get() == summer


def test_a_purge_that_is_killed_leaves_a_tree_that_the_next_purge_deletes(
    tree_of_albums, photo, data_dir, monkeypatch, django_capture_on_commit_callbacks
):
    Photo.objects.update(album=tree_of_albums[1])
    album_trash.move_to_trash(tree_of_albums[0])
    Album.objects.update(trashed_at=timezone.now() - timedelta(days=31))
    monkeypatch.setattr(removal, "delete_photos", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        album_trash.purge(timezone.now())
    monkeypatch.undo()
    assert (Album.objects.count(), consistency.verify().is_clean) == (3, True)
    emptied = removal.emptied
    emptied.connect(fail_for_italy, dispatch_uid="test")
    with pytest.raises(ZeroDivisionError), django_capture_on_commit_callbacks(execute=True):
        album_trash.purge(timezone.now())
    emptied.disconnect(dispatch_uid="test")
    assert [album.title for album in Album.objects.order_by("pk")] == ["Summer", "Italy"]
    assert (Photo.objects.count(), consistency.verify().is_clean) == (0, True)

    assert album_trash.purge(timezone.now()) == 2

    assert (Album.objects.count(), files(data_dir), consistency.verify().is_clean) == (0, [], True)


def fail_for_italy(album: Album, **_: object) -> None:
    """A receiver at the moment between the deletion of an album's photos and that of its row."""
    if album.title == "Italy":
        raise ZeroDivisionError


def test_an_album_deleted_earlier_survives_the_purge_of_the_album_it_is_in(tree_of_albums):
    summer, _, rome = tree_of_albums
    album_trash.move_to_trash(rome)
    album_trash.move_to_trash(summer)

    assert album_trash.remove(summer) is True

    assert list(Album.objects.values_list("pk", "parent", "path")) == [(rome.pk, None, f"/{rome.pk}/")]
