"""The grid of an album through HTTP: windows, months, and a user's preferences."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from albums.models import GridPreference
from tests.albums.grid.filling import fill, taken

pytestmark = pytest.mark.django_db


def ids(response) -> list[int]:
    return [int(number) for number in re.findall(r'id="photo-(\d+)"', response.content.decode())]


def link(response, rel: str) -> str:
    match = re.search(rf'rel="{rel}" href="([^"]+)"', response.content.decode())
    return match[1].replace("&amp;", "&") if match else ""


def test_all_windows_are_linked_pages(signed_in, album):
    photos = [photo.pk for photo in fill(album, 230)]
    address = f"/albums/{album.pk}/"

    first = signed_in.get(address)
    second = signed_in.get(link(first, "next"))
    third = signed_in.get(link(second, "next"))

    assert (ids(first), ids(second), ids(third)) == (photos[:100], photos[100:200], photos[200:])
    assert ids(signed_in.get(link(third, "prev"))) == photos[100:200]
    assert (link(first, "prev"), link(third, "next")) == ("", "")
    assert first.context["photo_count"] == 230


def test_a_window_continues_a_page_in_either_direction(signed_in, album):
    photos = [photo.pk for photo in fill(album, 230)]
    page = signed_in.get(f"/albums/{album.pk}/?from=1764000000000110").content.decode()
    addresses = re.findall(rf'hx-get="(/albums/{album.pk}/photos/[^"]+)"', page)

    above, below = (signed_in.get(address) for address in addresses)

    assert (ids(above), ids(below)) == (photos[10:110], photos[210:])
    assert "<html" not in above.content.decode()
    assert (bool(link(above, "prev")), link(above, "next")) == (True, "")
    assert (link(below, "prev"), link(below, "next")) == ("", "")


def test_a_window_without_photos_leads_to_the_album(signed_in, album):
    (photo,) = fill(album, 1)

    response = signed_in.get(f"/albums/{album.pk}/?after={photo.position}-{photo.pk}")

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/")


def test_a_numbered_page_leads_to_its_window(signed_in, album):
    fill(album, 510)

    response = signed_in.get(f"/albums/{album.pk}/?page=2")

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/?from=1764000000000500")


def test_a_page_takes_the_same_number_of_queries_at_any_size(signed_in, album):
    counts = []
    for count in (250, 500):
        fill(album, count)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            signed_in.get(f"/albums/{album.pk}/")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_hundred_tiles_take_less_than_60_kilobytes(signed_in, album):
    fill(album, 100, placeholder="data:image/webp;base64," + "A" * 120)

    page = signed_in.get(f"/albums/{album.pk}/").content.decode()

    assert len(page[page.index('<li class="tile') : page.rindex("</li>")]) < 60_000


def test_months_are_offered_in_long_albums(signed_in, album):
    fill(album, 150, taken_at=taken("2025-12-31T12:00"))
    assert "/months/" not in signed_in.get(f"/albums/{album.pk}/").content.decode()
    second = fill(album, 60, taken_at=taken("2026-01-01T12:00"))

    assert f"/albums/{album.pk}/months/" in signed_in.get(f"/albums/{album.pk}/").content.decode()
    months = signed_in.get(f"/albums/{album.pk}/months/").context["months"]
    assert [(month.photo_count, ids(signed_in.get(month.url))[0]) for month in months][1] == (60, second[0].pk)


def test_the_view_is_remembered_for_each_user(signed_in, others, owner, album, their_album):
    response = signed_in.post(f"/albums/{album.pk}/view/?from=5", {"layout": "squares", "density": "large"})

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/?from=5")
    assert 'class="grid grid--squares grid--large"' in signed_in.get(f"/albums/{album.pk}/").content.decode()
    assert 'class="grid grid--rows grid--medium"' in others.get(f"/albums/{their_album.pk}/").content.decode()
    assert (
        signed_in.post(
            f"/albums/{album.pk}/view/", {"layout": "rows", "density": "small"}, headers={"HX-Request": "true"}
        ).status_code
        == 204
    )
    assert [str(row) for row in GridPreference.objects.filter(user=owner)] == ["rows, small"]


def test_an_unknown_view_changes_nothing(signed_in, album):
    signed_in.post(f"/albums/{album.pk}/view/", {"layout": "circles", "density": "small"})

    assert not GridPreference.objects.exists()


def test_a_restored_photo_is_shown_in_its_window(signed_in, album):
    photos = fill(album, 150)
    signed_in.post(f"/photos/{photos[120].pk}/delete/")

    response = signed_in.post(f"/photos/{photos[120].pk}/put-back/")

    assert photos[120].pk in ids(signed_in.get(response.url))
