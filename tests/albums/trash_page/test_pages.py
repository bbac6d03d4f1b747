"""The page of the trash, and the confirmations of permanent deletion."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from albums import album_trash, removal, trash
from albums.models import Album, Photo
from albums.trash_page import contents
from tests.albums.test_trash import files, rows

pytestmark = pytest.mark.django_db


def text(client: Client, url: str) -> str:
    return " ".join(client.get(url).content.decode().split())


def names(client: Client, url: str) -> list[str]:
    return re.findall(r'"trashed__name">([^<]*)<', text(client, url))


def trashed_rows(album: Album, count: int) -> list[Photo]:
    """Photos in the trash, each deleted one minute after the next."""
    photos = rows(album, count)
    for number, photo in enumerate(photos):
        deleted_at = timezone.now() - timedelta(minutes=number)
        Photo.objects.filter(pk=photo.pk).update(
            trashed_at=deleted_at, name=f"{album.title} {number}", original_bytes=1 << 20
        )
    return photos


@pytest.fixture
def winter(owner) -> Album:
    return Album.objects.create(title="Winter", owner=owner)


def test_the_page_has_the_photos_of_all_albums_of_the_user_latest_first(signed_in, album, winter, their_album):
    trashed_rows(album, 2)
    trashed_rows(winter, 1)
    trashed_rows(their_album, 1)

    assert names(signed_in, "/trash/") == ["Winter 0", "Summer 0", "Summer 1"]
    assert "Photos (3)" in text(signed_in, "/trash/")
    assert names(signed_in, f"/albums/{album.pk}/trash/") == ["Summer 0", "Summer 1"]


def test_pages_follow_each_other_without_gaps_also_for_photos_deleted_at_once(signed_in, album, monkeypatch):
    monkeypatch.setattr(contents, "PHOTOS_A_PAGE", 2)
    trashed_rows(album, 5)
    Photo.objects.filter(name__in=["Summer 1", "Summer 2", "Summer 3"]).update(
        trashed_at=timezone.now() - timedelta(minutes=2)
    )
    shown, url = [], "/trash/"

    while url:
        page = signed_in.get(url)
        shown += [photo.name for photo in page.context["window"].photos]
        following = page.context["window"].next
        url = f"/trash/?after={following.replace('+', '%2B')}" if following else ""

    assert shown == ["Summer 0", "Summer 3", "Summer 2", "Summer 1", "Summer 4"]
    assert len(names(signed_in, "/trash/?after=tomorrow,x")) == 2


def test_emptying_asks_with_count_and_bytes_and_spares_what_is_deleted_afterwards(signed_in, album, winter):
    trashed_rows(album, 2)
    page = text(signed_in, "/trash/empty/?kind=photos")
    assert "2 photos (2.0 MB) in the trash will be deleted permanently" in page
    before = re.search(r'name="before" value="([^"]*)"', page)[1]
    assert Photo.objects.count() == 2
    (later,) = rows(winter, 1)
    trash.move_to_trash(later)

    page = signed_in.post("/trash/empty/", {"kind": "photos", "before": before}, follow=True).content.decode()

    assert "2 photos deleted permanently." in page
    assert list(Photo.objects.all()) == [later]


def test_emptying_asks_with_counts_and_bytes_of_albums(signed_in, photo, winter):
    Photo.objects.update(original_bytes=5 << 20)
    for album in (photo.album, winter):
        album_trash.move_to_trash(album)

    page = text(signed_in, "/trash/empty/?kind=albums")
    assert "2 albums with 1 photo (5.0 MB) in the trash" in page
    assert "2 albums deleted permanently." in text_after(signed_in, "/trash/empty/", {"kind": "albums"})
    assert (Album.objects.count(), Photo.objects.count()) == (0, 0)


def text_after(client: Client, url: str, data: dict[str, str]) -> str:
    return client.post(url, data, follow=True).content.decode()


def test_all_photos_or_all_albums_are_restored(signed_in, album, winter, their_album):
    trashed_rows(album, 2)
    (their_photo,) = trashed_rows(their_album, 1)
    album_trash.move_to_trash(winter)

    assert "2 photos restored." in text_after(signed_in, "/trash/restore/", {"kind": "photos"})
    assert list(Photo.objects.trashed()) == [their_photo]
    assert Album.objects.trashed().get() == winter
    assert "1 album restored." in text_after(signed_in, "/trash/restore/", {"kind": "albums"})
    assert Album.objects.trashed().count() == 0


def test_what_cannot_be_deleted_in_time_is_deleted_by_the_next_purge(signed_in, album, monkeypatch):
    monkeypatch.setattr(removal, "SMALL_BATCH_SIZE", 2)
    monkeypatch.setattr(removal, "REQUEST_SECONDS", 0)
    trashed_rows(album, 5)

    assert "The rest is deleted within minutes." in text_after(signed_in, "/trash/empty/", {"kind": "photos"})
    assert (Photo.objects.count(), trash.purge(timezone.now())) == (3, 3)


def test_users_without_the_permission_cannot_empty_the_trash_of_others(album, winter):
    trashed_rows(album, 1)
    album_trash.move_to_trash(winter)
    user = User.objects.create_user("keeper", password="a fine password")
    client = Client()
    client.force_login(user)
    user.user_permissions.add(Permission.objects.get(codename="change_album"))

    for kind in ("photos", "albums"):
        assert "Empty trash" not in text(client, f"/trash/?kind={kind}")
        assert client.post("/trash/empty/", {"kind": kind}).status_code == 302
    assert (Photo.objects.count(), Album.objects.count()) == (1, 2)
    user.user_permissions.add(Permission.objects.get(codename="delete_album"))
    assert "1 of these albums belongs to other users." in text(client, "/trash/empty/?kind=albums")
    for kind in ("photos", "albums"):
        client.post("/trash/empty/", {"kind": kind})
    assert (Photo.objects.count(), Album.objects.count()) == (0, 1)


def test_the_page_takes_the_same_number_of_queries_for_any_number_of_albums(signed_in, owner, album):
    trashed_rows(album, 1)
    with CaptureQueriesContext(connection) as before:
        signed_in.get("/trash/")
    for number in range(5):
        trashed_rows(Album.objects.create(title=str(number), owner=owner), 2)

    with CaptureQueriesContext(connection) as after:
        signed_in.get("/trash/")

    assert len(after) == len(before)


def test_the_admin_asks_with_counts_and_bytes_and_deletes_files(
    admin, photo, owner, data_dir, django_capture_on_commit_callbacks
):
    Photo.objects.update(original_bytes=5 << 20)
    Album.objects.create(title="Inside", owner=owner, parent=photo.album)
    client = Client()
    client.force_login(admin)

    assert "Summer (1 photo, 5.0 MB)" in text(client, f"/admin/albums/album/{photo.album_id}/delete/")
    data = {"action": "delete_selected", "_selected_action": [photo.pk]}
    page = " ".join(client.post("/admin/albums/photo/", data).content.decode().split())
    assert ("photo.jpg (5.0 MB)" in page, "In total: 5.0 MB" in page) == (True, True)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/admin/albums/photo/", data | {"post": "yes"})
    assert (Photo.objects.count(), files(data_dir)) == (0, [])
    client.post(f"/admin/albums/album/{photo.album_id}/delete/", {"post": "yes"})
    assert Album.objects.count() == 0
