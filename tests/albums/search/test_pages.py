"""The pages of a search, and the photo pages that are opened from it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from albums.models import Album, Photo
from tests.albums.grid.filling import fill, taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client, owner):
    client.force_login(owner)
    return client


def found(response) -> list[Photo]:
    return response.context["window"].photos


def test_results_are_the_newest_first_and_lead_to_photos_of_the_search(client, album):
    old, new = (
        fill(album, 1, caption="Beach", taken_at=taken("2020-01-01T00:00")),
        fill(album, 1, caption="Beach", taken_at=taken("2024-01-01T00:00")),
    )
    undated = fill(album, 1, caption="Beach")

    response = client.get("/search/", {"q": "beach"})

    assert found(response) == [*new, *old, *undated]
    assert f'href="/photos/{new[0].pk}/?q=beach"' in response.text
    assert "3 photos" in response.text
    assert 'data-scope="q=beach"' in response.text


def test_photo_pages_of_a_search_lead_to_its_results_only(client, album):
    first, other, last = fill(album, 3, taken_at=taken("2020-01-01T00:00"))
    Photo.objects.exclude(pk=other.pk).update(caption="Beach")

    response = client.get(f"/photos/{first.pk}/?q=beach")

    assert response.context["strip"].after == [last]
    assert response.context["strip"].before == []
    assert response.context["album_url"] == f"/search/?q=beach#photo-{first.pk}"
    assert f'href="/photos/{last.pk}/?q=beach"' in response.text


def test_photos_stay_in_the_search_after_rating_and_deleting(client, album):
    first, second = fill(album, 2, caption="Beach", taken_at=taken("2020-01-01T00:00"))

    assert client.post(f"/photos/{first.pk}/rating/?q=beach", {"rating": 4}).url == f"/photos/{first.pk}/?q=beach"
    assert client.post(f"/photos/{first.pk}/delete/?q=beach").url == f"/photos/{second.pk}/?q=beach"
    assert client.post(f"/photos/{second.pk}/delete/?q=beach").url == "/search/?q=beach"


def test_windows_contain_every_result_once_also_without_dates(client, album):
    photos = fill(album, 130, caption="Beach")
    window, numbers = client.get("/search/", {"q": "beach"}), []

    numbers += [photo.pk for photo in found(window)]
    window = client.get(f"/search/photos/?q=beach&{window.context['window'].next}")
    numbers += [photo.pk for photo in found(window)]

    assert numbers == [photo.pk for photo in photos]
    assert window.context["window"].next == ""
    page = client.get(f"/photos/{photos[120].pk}/?q=beach").context["album_url"]
    assert photos[120] in found(client.get(page))


def test_the_results_of_one_album_are_in_its_order(client, album, owner):
    photos = fill(album, 1, taken_at=taken("2020-01-01T00:00")) + fill(album, 1, taken_at=taken("2024-01-01T00:00"))
    fill(Album.objects.create(title="Other", owner=owner), 1)

    response = client.get("/search/", {"q": "img", "album": album.pk})

    assert found(response) == photos
    assert f"/photos/{photos[0].pk}/?q=img&amp;album={album.pk}" in response.text
    strip = client.get(f"/photos/{photos[0].pk}/?q=img&album={album.pk}").context["strip"]
    assert strip.after == photos[1:]


@pytest.mark.parametrize("path", ["", "photos/", "count/"])
def test_only_albums_that_the_user_may_see_are_searched(client, others, album, their_album, path):
    fill(their_album, 1, caption="Beach")
    own_photos = fill(album, 1, caption="Beach")

    response = client.get(f"/search/{path}", {"q": "beach"})
    assert [photo.album for photo in response.context["search"].photos] == [album]
    for album_id in (their_album.pk, 4711, "x", "9" * 30):
        assert client.get(f"/search/{path}", {"q": "beach", "album": album_id}).status_code == 404
    assert others.get(f"/photos/{own_photos[0].pk}/?q=beach").status_code == 404
    their_page = client.get(f"/photos/{own_photos[0].pk}/?q=beach&album={their_album.pk}")
    assert (their_page.context["strip"].before, their_page.context["strip"].after) == ([], [])


def test_a_query_and_a_text_are_never_markup(client, album):
    [photo] = fill(album, 1, caption="<script>alert(1)</script>", title="<b>x</b>")

    response = client.get("/search/", {"q": '"><script>alert(1)</script> colour:<i>'})

    assert "<script>alert" not in response.text
    assert "<i>" not in client.get("/search/count/", {"q": "colour:<i> taken:<i>"}).text
    assert "<b>x" not in client.get("/search/", {"q": "alert"}).text
    assert found(client.get("/search/", {"q": "alert"})) == [photo]


def test_hints_and_examples_are_shown(client, album):
    assert "taken:2024-05..2024-08" in client.get("/search/").text
    assert "“colour:” is not a qualifier" in client.get("/search/", {"q": "colour:red"}).text
    assert "No photos found" in client.get("/search/", {"q": "colour:red"}).text
    assert client.get("/search/count/").text.count("<strong>") == 0


@pytest.mark.parametrize("text", ["jpg", "img beach -camera:canon rating:0 taken:..2030 album:summer"])
def test_a_search_takes_the_same_number_of_queries_at_any_size(client, album, text, django_assert_num_queries):
    fill(album, 10, caption="Beach", taken_at=taken("2020-01-01T00:00"))
    client.get("/search/", {"q": text})
    with CaptureQueriesContext(connection) as queries:
        assert len(found(client.get("/search/", {"q": text}))) == 10
    fill(album, 90, caption="Beach", taken_at=taken("2020-01-01T00:00"))

    with django_assert_num_queries(len(queries)):
        assert len(found(client.get("/search/", {"q": text}))) == 100
    assert len(queries) <= 14
