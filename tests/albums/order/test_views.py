"""The forms that sort an album and move photos, and the responses to the page's script."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from albums.models import Album, Operation, Photo, SortedBy
from tests.albums.grid.filling import fill
from tests.albums.order.rows import dump, order

pytestmark = pytest.mark.django_db
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def signed_in(client, owner) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def photos(album) -> list[Photo]:
    return fill(album, 4)


def place(photo: Photo) -> str:
    return reverse("albums:place", args=[photo.pk])


def test_the_sort_menu_sorts_and_offers_undo(signed_in, album, photos):
    Photo.objects.filter(pk=photos[3].pk).update(edited_rating=5)
    before = dump()

    page = signed_in.post(reverse("albums:sort", args=[album.pk]), {"sorted_by": "rating"}, follow=True)

    assert page.redirect_chain == [(album.get_absolute_url(), 302)]
    html = page.content.decode()
    assert "Sorted by rating." in html
    assert '<input type="radio" name="sorted_by" value="rating" checked>' in html
    assert order(album)[0] == photos[3].pk
    undo = reverse("albums:undo", args=[Operation.objects.get().pk])
    assert f'action="{undo}"' in html
    signed_in.post(undo)
    assert dump() == before


def test_an_unknown_order_changes_nothing(signed_in, album, photos):
    before = dump()
    for sorted_by in ("", "size"):
        response = signed_in.post(reverse("albums:sort", args=[album.pk]), {"sorted_by": sorted_by})
        assert (response.status_code, response["X-Error-Code"]) == (422, "order-unknown")
    assert dump() == before


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"number": "2"}, [0, 3, 1, 2]),
        ({"number": "99"}, [0, 1, 2, 3]),
        ({"end": "1"}, [0, 1, 2, 3]),
        ({"before": 0}, [3, 0, 1, 2]),
        ({"after": 0}, [0, 3, 1, 2]),
        ({"before": 3}, [0, 1, 2, 3]),
    ],
)
def test_a_photo_is_moved_to_a_number_or_a_neighbour(signed_in, album, photos, fields, expected):
    fields = {name: photos[value].pk if isinstance(value, int) else value for name, value in fields.items()}

    response = signed_in.post(place(photos[3]), fields)

    assert response["Location"] == f"{album.get_absolute_url()}#photo-{photos[3].pk}"
    assert order(album) == [photos[index].pk for index in expected]


def test_the_form_shows_the_number(signed_in, photos):
    assert "Position 3 of 4" in signed_in.get(place(photos[2])).content.decode()
    assert signed_in.get(place(photos[2]), headers=SCRIPT).json() == {"number": 3, "count": 4}


def test_a_place_that_makes_no_sense_is_rejected(signed_in, photos):
    for fields in ({}, {"number": "0"}, {"number": "first"}, {"before": "-1"}):
        response = signed_in.post(place(photos[0]), fields)
        assert (response.status_code, response["X-Error-Code"]) == (422, "place-invalid")


def test_the_neighbour_must_be_in_the_album(signed_in, album, their_album, photos):
    [their_photo] = fill(their_album, 1)
    Photo.objects.filter(pk=photos[1].pk).update(trashed_at=timezone.now())
    before = dump()

    for neighbour in (their_photo.pk, photos[1].pk, 2**62):
        response = signed_in.post(place(photos[0]), {"before": neighbour})
        assert (response.status_code, response["X-Error-Code"]) == (422, "place-gone")

    assert dump() == before
    assert signed_in.post(place(photos[1]), {"end": "1"}).status_code == 404


def test_a_sorted_album_asks_before_it_switches_to_manual_order(signed_in, album, photos):
    Album.objects.update(sorted_by=SortedBy.NAME)
    before = dump()

    response = signed_in.post(place(photos[3]), {"before": photos[0].pk})

    assert (response.status_code, response["X-Error-Code"]) == (409, "album-is-sorted")
    html = response.content.decode()
    assert f'<input type="hidden" name="before" value="{photos[0].pk}">' in html
    assert dump() == before
    signed_in.post(place(photos[3]), {"before": photos[0].pk, "manual": "1"})
    album.refresh_from_db()
    assert album.sorted_by == SortedBy.MANUAL
    assert order(album)[0] == photos[3].pk


def test_the_script_gets_the_changed_positions_and_the_toast(signed_in, album, photos):
    fields = {"end": "1", "next": f"{album.get_absolute_url()}?from=3"}

    answer = signed_in.post(place(photos[0]), fields, headers=SCRIPT).json()

    assert answer["positions"] == {str(photos[0].pk): Photo.objects.get(pk=photos[0].pk).position}
    assert "1 photo moved." in answer["toast"]
    assert f'name="next" value="{album.get_absolute_url()}?from=3"' in answer["toast"]


def test_a_selection_is_moved_in_the_order_of_the_album(signed_in, album, photos):
    Photo.objects.filter(pk=photos[0].pk).update(position=photos[2].position)
    ids = f"{photos[3].pk},{photos[2].pk}"

    response = signed_in.post(reverse("albums:selection-place"), {"ids": ids, "before": photos[1].pk})

    assert response.status_code == 302
    assert order(album) == [photos[index].pk for index in (2, 3, 1, 0)]


def test_a_selection_can_be_put_before_one_of_its_photos(signed_in, album, photos):
    fields = {"ids": f"{photos[0].pk},{photos[2].pk}", "before": photos[2].pk}
    signed_in.post(reverse("albums:selection-place"), fields)
    assert order(album) == [photos[index].pk for index in (1, 0, 2, 3)]


def test_all_photos_but_one_can_be_put_at_the_end(signed_in, album, photos):
    fields = {"all": "1", "album": album.pk, "except": photos[2].pk, "end": "1"}
    signed_in.post(reverse("albums:selection-place"), fields)
    assert order(album) == [photos[index].pk for index in (2, 0, 1, 3)]


def test_a_selection_without_a_photo_of_the_album_is_rejected(signed_in, album, their_album, photos):
    [their_photo] = fill(their_album, 1)
    before = dump()

    for fields in ({"ids": their_photo.pk, "end": "1"}, {"ids": photos[0].pk, "before": their_photo.pk}, {"end": "1"}):
        response = signed_in.post(reverse("albums:selection-place"), fields)
        assert (response.status_code, response["X-Error-Code"]) == (422, "nothing-selected")

    assert dump() == before


@pytest.mark.parametrize("number", [2**63, "9" * 5000, "x"])
def test_a_number_that_no_photo_can_have_is_rejected(signed_in, photos, number):
    for url in (place(photos[0]), reverse("albums:selection-place")):
        for field in ("before", "after", "number"):
            response = signed_in.post(url, {field: number, "photo": photos[0].pk})
            assert (response.status_code, response["X-Error-Code"]) == (422, "place-invalid")
