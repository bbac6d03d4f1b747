"""The ZIP file of a selection, and the edits in it."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from albums.models import Photo, SavedSelection
from albums.selection import saved

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def names(response) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def zip_url(browser: Client, **fields: object) -> str:
    """Sends the selection and returns the URL of its ZIP file with originals."""
    response = browser.post(reverse("albums:selection-download"), fields)
    assert response.status_code == 302
    assert browser.get(response["Location"]).status_code == 200
    return f"{response['Location'].removesuffix('/download/')}/download.zip?size=original"


def test_the_archive_has_the_selected_photos(browser, album, add_photo):
    first, _, third = (add_photo(f"{number}.jpg") for number in range(3))

    response = browser.get(zip_url(browser, ids=f"{first.pk},{third.pk}", album=album.pk))

    assert response["Content-Disposition"] == 'attachment; filename="Photos from Summer.zip"'
    assert names(response) == ["0.jpg", "2.jpg"]


def test_all_of_an_album_except_one(browser, album, add_photo):
    first, _ = add_photo("0.jpg"), add_photo("1.jpg")
    url = zip_url(browser, all="1", album=album.pk, **{"except": str(first.pk)})
    assert names(browser.get(url)) == ["1.jpg"]


def test_edits_are_sidecars_of_the_originals_on_request(browser, album, add_photo):
    edited, _ = add_photo("edited.jpg", large=b"webp"), add_photo("other.jpg", large=b"webp")
    Photo.objects.filter(pk=edited.pk).update(edited_title="Alps", edited_taken_at="2024-06-01T10:00Z")
    url = reverse("albums:download-zip", args=[album.pk])

    assert names(browser.get(f"{url}?size=original")) == ["edited.jpg", "other.jpg"]
    assert names(browser.get(f"{url}?size=2560&edits=on")) == ["edited.webp", "other.webp"]
    response = browser.get(f"{url}?size=original&edits=on")
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert archive.namelist() == ["edited.jpg", "edited.jpg.xmp", "other.jpg"]
        assert b"Alps" in archive.read("edited.jpg.xmp")
        assert archive.getinfo("edited.jpg").date_time == (2024, 6, 1, 10, 0, 0)


def test_other_users_cannot_download_a_selection_and_lose_photos_of_albums_they_lost(browser, others, album, add_photo):
    url = zip_url(browser, ids=add_photo("0.jpg").pk)
    assert others.get(url).status_code == 404

    album.owner = None
    album.save()
    assert browser.get(url).status_code == 409


def test_an_invalid_selection_has_a_code(browser):
    response = browser.post(reverse("albums:selection-download"), {"ids": "1,x"})
    assert (response.status_code, response["X-Error-Code"]) == (422, "selection-invalid")


def test_selections_are_kept_until_they_are_unused_for_a_week(browser, album, add_photo):
    url = zip_url(browser, ids=add_photo("0.jpg").pk)
    now = timezone.now()
    SavedSelection.objects.update(used_at=now - timedelta(days=saved.DAYS - 1))
    assert saved.forget(now) == 0

    browser.get(url)
    assert saved.forget(now + timedelta(days=saved.DAYS - 1)) == 0
    assert saved.forget(now + timedelta(days=saved.DAYS + 1)) == 1
    assert browser.get(url).status_code == 404


def test_a_user_has_a_limited_number_of_saved_selections(browser, others, album, add_photo, monkeypatch):
    monkeypatch.setattr(saved, "MAX_OF_USER", 2)
    photos = [add_photo(f"{number}.jpg").pk for number in range(3)]
    zip_url(others, ids=photos[0])

    urls = [zip_url(browser, ids=pk) for pk in photos]

    assert [browser.get(url).status_code for url in urls] == [404, 200, 200]
    assert SavedSelection.objects.count() == 3
