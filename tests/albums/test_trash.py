from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from albums import removal, shelf, trash
from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.integrity import consistency
from processing.maintenance import sweep as recovery
from processing.queries import queue_overview
from processing.queries import upload_panel as panel_query
from tests.processing import making

pytestmark = pytest.mark.django_db


def rows(album: Album, count: int) -> list[Photo]:
    """Photos without files."""
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
    before = files(data_dir)

    with django_capture_on_commit_callbacks(execute=True):
        assert trash.move_to_trash(photo) is True

    found = consistency.verify()
    assert (files(data_dir), found.photos, found.is_clean) == (before, 1, True)
    assert (photo.album.photos.shown().count(), photo.album.photos.trashed().get()) == (0, photo)


def test_a_damaged_file_of_a_photo_in_the_trash_is_found(photo, data_dir):
    trash.move_to_trash(photo)
    (data_dir / photo.original_key).write_bytes(b"rotten")

    assert consistency.verify().corrupt == [photo.original_key]


def test_what_is_put_back_is_where_it_was(album):
    photos = rows(album, 3)
    trash.move_to_trash(photos[1])
    assert list(album.photos.shown()) == [photos[0], photos[2]]

    assert trash.restore(photos[1]) is True

    assert list(album.photos.shown()) == photos
    assert photos[1].trashed_at is None


def test_what_is_not_in_the_trash_cannot_be_put_back_or_deleted_for_ever(album):
    shown, gone = rows(album, 2)
    trash.move_to_trash(gone)
    trash.remove(gone)

    assert [trash.restore(shown), trash.remove(shown), trash.restore(gone), trash.remove(gone)] == [False] * 4
    assert Photo.objects.get() == shown


def test_moving_a_photo_to_the_trash_twice_does_not_prolong_its_days(album):
    photo = rows(album, 1)[0]
    age(photo, days=20)

    trash.move_to_trash(photo)

    assert timezone.now() - Photo.objects.get().trashed_at > timedelta(days=19)


def test_without_days_there_is_no_trash_and_the_files_go_at_once(
    photo, data_dir, settings, django_capture_on_commit_callbacks
):
    settings.TRASH_DAYS = 0

    with django_capture_on_commit_callbacks(execute=True):
        assert trash.move_to_trash(photo) is False

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_deleting_for_ever_takes_the_files_along(photo, data_dir, django_capture_on_commit_callbacks):
    trash.move_to_trash(photo)

    with django_capture_on_commit_callbacks(execute=True):
        assert trash.remove(photo) is True

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_emptying_takes_the_trash_of_this_album_and_nothing_else(album, owner, monkeypatch):
    monkeypatch.setattr(removal, "BATCH_SIZE", 2)
    kept, *deleted = rows(album, 6)
    others = rows(Album.objects.create(title="Winter", owner=owner), 1)
    for photo in (*deleted, *others):
        trash.move_to_trash(photo)

    assert trash.empty(album) == 5
    assert set(Photo.objects.all()) == {kept, *others}


def test_what_one_request_cannot_delete_of_a_large_trash_is_left_to_the_sweep(album, owner, client, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    monkeypatch.setattr(removal, "REQUEST_SECONDS", 0)
    client.force_login(owner)
    rows(album, 5)
    album.photos.update(trashed_at=timezone.now())

    response = client.post(reverse("albums:empty-trash", args=[album.pk]), follow=True)

    assert "2 photos were deleted permanently" in response.content.decode()
    assert "remaining photos are deleted within minutes" in response.content.decode()
    assert (recovery.sweep().trashed_photos, Photo.objects.count()) == (3, 0)


def test_all_are_put_back_at_once(album):
    photos = rows(album, 3)
    for photo in photos[:2]:
        trash.move_to_trash(photo)

    assert trash.restore_all(album) == 2
    assert list(album.photos.shown()) == photos


def test_the_sweep_deletes_for_ever_what_had_its_days(photo, album, data_dir, django_capture_on_commit_callbacks):
    age(photo, days=30, seconds=1)

    with django_capture_on_commit_callbacks(execute=True):
        assert recovery.sweep().trashed_photos == 1

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_the_sweep_leaves_the_shown_and_the_freshly_deleted_alone(album, data_dir):
    shown, fresh = rows(album, 2)
    age(fresh, days=29, hours=23)

    assert recovery.sweep().trashed_photos == 0
    assert list(album.photos.all()) == [shown, fresh]


def test_nothing_is_deleted_for_ever_while_the_storage_is_away(photo, data_dir):
    age(photo, days=31)
    (data_dir / "originals").rename(data_dir / "elsewhere")

    assert recovery.sweep().trashed_photos == 0
    (data_dir / "elsewhere").rename(data_dir / "originals")
    assert recovery.sweep().trashed_photos == 1


def test_the_day_that_is_told_is_the_day_it_goes(album, settings):
    settings.TRASH_DAYS = 3
    photo = rows(album, 1)[0]
    age(photo, days=3)
    photo.refresh_from_db()

    assert trash.purge(photo.leaves_trash_at - timedelta(seconds=1)) == 0
    assert photo.is_leaving_trash is True
    assert trash.purge(photo.leaves_trash_at) == 1


def test_an_album_takes_its_trash_along(album, photo, data_dir, django_capture_on_commit_callbacks):
    trash.move_to_trash(photo)

    with django_capture_on_commit_callbacks(execute=True):
        removal.delete_album(album)

    assert (files(data_dir), Photo.objects.count(), Leftover.objects.count()) == ([], 0, 0)


def test_pages_count_and_show_only_what_is_in_no_trash(album):
    first, second, third, fourth = rows(album, 4)
    for photo in (first, third, fourth):
        trash.move_to_trash(photo)

    card = shelf.cards(Album.objects.all())[0]
    panel = panel_query.build(album, seen=first.pk)

    assert (card.photo_count, card.cover) == (1, second)
    assert (panel.photo_count, panel.new_photos, panel.seen) == (1, (second,), second.pk)
    assert queue_overview.build(Album.objects.all()).photos == 1
    assert shelf.neighbours(second) == (None, None)
    assert shelf.neighbours(Photo.objects.get(pk=third.pk)) == (None, None)
