from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from albums import removal, shelf, trash
from albums.models import Album, Leftover, Photo
from albums.shelf import Strip
from processing import jobs
from processing.integrity import consistency
from processing.maintenance import sweep
from processing.queries import queue_overview
from processing.queries import upload_panel as panel_query
from tests.processing import making

pytestmark = pytest.mark.django_db


def rows(album: Album, count: int) -> list[Photo]:
    """Creates photos without files."""
    batch = making.received(album).batch
    for _ in range(count - 1):
        making.received(album, batch=batch)
    for _ in range(count):
        job = jobs.claim_next("tester")
        jobs.complete(job, making.photo(album, job), [])
    return list(album.photos.all())


def files(data_dir) -> list[str]:
    return sorted(path.name for room in ("originals", "renditions") for path in (data_dir / room).rglob("*.*"))


def age(photo: Photo, **span: float) -> None:
    Photo.objects.filter(pk=photo.pk).update(trashed_at=timezone.now() - timedelta(**span))


def test_a_photo_in_the_trash_keeps_its_files_and_is_still_checked(photo, data_dir, django_capture_on_commit_callbacks):
    files_before = files(data_dir)

    with django_capture_on_commit_callbacks(execute=True):
        assert trash.move_to_trash(photo) is True

    report = consistency.verify()
    assert (files(data_dir), report.photos, report.is_clean) == (files_before, 1, True)
    assert (photo.album.photos.shown().count(), photo.album.photos.trashed().get()) == (0, photo)


def test_a_damaged_file_of_a_photo_in_the_trash_is_found(photo, data_dir):
    trash.move_to_trash(photo)
    (data_dir / photo.original_key).write_bytes(b"rotten")

    assert consistency.verify().corrupt == [photo.original_key]


def test_a_restored_photo_has_its_former_position(album):
    photos = rows(album, 3)
    trash.move_to_trash(photos[1])
    assert list(album.photos.shown()) == [photos[0], photos[2]]

    assert trash.restore(photos[1]) is True

    assert list(album.photos.shown()) == photos
    assert photos[1].trashed_at is None


def test_a_photo_not_in_the_trash_cannot_be_restored_or_deleted_permanently(album):
    shown, deleted = rows(album, 2)
    trash.move_to_trash(deleted)
    trash.remove(deleted)

    assert [trash.restore(shown), trash.remove(shown), trash.restore(deleted), trash.remove(deleted)] == [False] * 4
    assert Photo.objects.get() == shown


def test_moving_a_photo_to_the_trash_twice_does_not_postpone_its_deletion(album):
    photo = rows(album, 1)[0]
    age(photo, days=20)

    trash.move_to_trash(photo)

    assert timezone.now() - Photo.objects.get().trashed_at > timedelta(days=19)


def test_files_are_deleted_immediately_if_the_trash_is_disabled(
    photo, data_dir, settings, django_capture_on_commit_callbacks
):
    settings.TRASH_DAYS = 0

    with django_capture_on_commit_callbacks(execute=True):
        assert trash.move_to_trash(photo) is False

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_deleting_a_photo_permanently_deletes_its_files(photo, data_dir, django_capture_on_commit_callbacks):
    trash.move_to_trash(photo)

    with django_capture_on_commit_callbacks(execute=True):
        assert trash.remove(photo) is True

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_emptying_the_trash_deletes_only_the_trashed_photos_of_the_album(album, owner, monkeypatch):
    monkeypatch.setattr(removal, "BATCH_SIZE", 2)
    shown, *deleted = rows(album, 6)
    photos_of_other_album = rows(Album.objects.create(title="Winter", owner=owner), 1)
    for photo in (*deleted, *photos_of_other_album):
        trash.move_to_trash(photo)

    assert trash.empty(album) == 5
    assert set(Photo.objects.all()) == {shown, *photos_of_other_album}


def test_the_sweep_deletes_what_one_request_cannot_delete_of_a_large_trash(album, owner, client, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    monkeypatch.setattr(removal, "REQUEST_SECONDS", 0)
    client.force_login(owner)
    rows(album, 5)
    album.photos.update(trashed_at=timezone.now())

    response = client.post(reverse("albums:empty-trash", args=[album.pk]), follow=True)

    assert "2 photos were deleted permanently" in response.content.decode()
    assert "The rest is deleted within minutes" in response.content.decode()
    assert (sweep.sweep().trashed_photos, Photo.objects.count()) == (3, 0)


def test_all_photos_in_the_trash_are_restored_at_once(album):
    photos = rows(album, 3)
    for photo in photos[:2]:
        trash.move_to_trash(photo)

    assert trash.restore_all(album) == 2
    assert list(album.photos.shown()) == photos


def test_the_sweep_deletes_photos_permanently_after_their_days_in_the_trash(
    photo, album, data_dir, django_capture_on_commit_callbacks
):
    age(photo, days=30, seconds=1)

    with django_capture_on_commit_callbacks(execute=True):
        assert sweep.sweep().trashed_photos == 1

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_the_sweep_keeps_shown_photos_and_recently_trashed_ones(album, data_dir):
    shown, recently_trashed = rows(album, 2)
    age(recently_trashed, days=29, hours=23)

    assert sweep.sweep().trashed_photos == 0
    assert list(album.photos.all()) == [shown, recently_trashed]


def test_no_photo_is_deleted_permanently_while_the_storage_is_unavailable(photo, data_dir):
    age(photo, days=31)
    (data_dir / "originals").rename(data_dir / "elsewhere")

    assert sweep.sweep().trashed_photos == 0
    (data_dir / "elsewhere").rename(data_dir / "originals")
    assert sweep.sweep().trashed_photos == 1


def test_a_photo_is_deleted_at_the_time_that_is_shown(album, settings):
    settings.TRASH_DAYS = 3
    photo = rows(album, 1)[0]
    age(photo, days=3)
    photo.refresh_from_db()

    assert trash.purge(photo.leaves_trash_at - timedelta(seconds=1)) == 0
    assert photo.is_leaving_trash is True
    assert trash.purge(photo.leaves_trash_at) == 1


def test_deleting_an_album_deletes_its_trash(album, photo, data_dir, django_capture_on_commit_callbacks):
    trash.move_to_trash(photo)

    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_album(album)

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_pages_count_and_show_only_photos_that_are_not_in_the_trash(album):
    first, second, third, fourth = rows(album, 4)
    for photo in (first, third, fourth):
        trash.move_to_trash(photo)

    card = shelf.cards(Album.objects.all())[0]
    panel = panel_query.build(album, seen=first.pk)

    assert (card.photo_count, card.cover) == (1, second)
    assert (panel.photo_count, panel.new_photos, panel.seen) == (1, (second,), second.pk)
    assert queue_overview.build(Album.objects.all()).photos == 1
    assert shelf.strip(second) == Strip([], [])
    assert shelf.strip(Photo.objects.get(pk=third.pk)) == Strip([], [])
