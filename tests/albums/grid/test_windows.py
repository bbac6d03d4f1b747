"""Windows of an album's photos."""

import pytest
from django.http import QueryDict
from django.utils import timezone

from albums import grid
from albums.grid import windows
from albums.models import Photo
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db


def read(album, query: str = "") -> windows.Window:
    return windows.window(album, QueryDict(query))


def test_windows_contain_every_photo_once_in_both_directions(album):
    photos = fill(album, 120) + fill(album, 130, position=1_764_000_000_000_500)

    down = [read(album)]
    while down[-1].next:
        down.append(read(album, down[-1].next))
    up = [down[-1]]
    while up[-1].previous:
        up.append(read(album, up[-1].previous))

    assert [len(window.photos) for window in down] == [100, 100, 50]
    assert [photo for window in down for photo in window.photos] == photos
    assert [photo for window in reversed(up) for photo in window.photos] == photos
    assert down[0].previous == down[-1].next == ""


def test_a_window_ends_with_the_album_when_it_is_full(album):
    fill(album, 100)

    assert read(album).next == ""


def test_photos_in_the_trash_and_raws_of_pairs_are_not_in_windows(album):
    shown, raw, trashed = fill(album, 3)
    Photo.objects.filter(pk=raw.pk).update(shown_as=shown)
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())

    assert read(album).photos == [shown]
    assert read(album).next == ""


def test_a_window_from_a_position_begins_with_its_photo(album):
    photos = fill(album, 5)

    window = read(album, f"from={photos[2].position}")

    assert window.photos == photos[2:]
    assert read(album, f"from={photos[2].position}-{photos[2].pk}").photos == photos[2:]
    assert read(album, f"from={photos[2].position}-{photos[2].pk + 1}").photos == photos[3:]
    assert read(album, window.previous).photos == photos[:2]
    assert read(album, window.previous).next


@pytest.mark.parametrize(
    "query", ["after=", "after=x", "before=1", "from=1.5", "from=9999999999999999999", "after=1-2-3"]
)
def test_an_invalid_query_string_means_the_first_window(album, query):
    photos = fill(album, 3)

    assert read(album, query).photos == photos


def test_the_url_of_a_photo_is_that_of_a_window_with_photos_before_it(album):
    photos = fill(album, 200)

    for photo, first in ((photos[0], 0), (photos[40], 0), (photos[41], 0), (photos[150], 109), (photos[199], 158)):
        address, fragment = grid.url_of(photo).split("#")
        assert fragment == f"photo-{photo.pk}"
        window = read(album, address.partition("?")[2])
        assert window.photos[0] == photos[first]
        assert photo in window.photos


def test_the_first_photos_have_the_url_of_the_album(album):
    photos = fill(album, 60)

    assert grid.url_of(photos[40]) == f"/albums/{album.pk}/#photo-{photos[40].pk}"
    assert grid.url_of(photos[59]) == f"/albums/{album.pk}/?from={photos[18].position}#photo-{photos[59].pk}"


def test_numbered_pages_of_earlier_versions_lead_to_their_photos(album):
    photos = fill(album, 510)

    assert windows.url_of_old_page(album, "2") == f"/albums/{album.pk}/?from={photos[500].position}"
    for page in ("1", "0", "-1", "3", "last", "", "99999999999"):
        assert windows.url_of_old_page(album, page) == f"/albums/{album.pk}/"


@pytest.mark.parametrize("query", ["", "from=1764000000000100", "before=1764000000000200-1"])
def test_a_window_takes_the_same_number_of_queries_at_any_size(album, query, django_assert_num_queries):
    for count in (250, 500):
        fill(album, count)
        window = read(album, query)
        with django_assert_num_queries(5 if query else 4):
            assert (len(window.photos), bool(window.next), bool(window.previous)) == (100, True, bool(query))
