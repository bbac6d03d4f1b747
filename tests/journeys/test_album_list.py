"""The list of albums: search, order, dates of the photos, and the first run."""

import re
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from albums import album_list
from albums.models import Album, Photo
from processing.models import ProcessingJob
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


def titles(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/albums/{query}").content.decode()
    return re.findall(r'<span class="card__title">([^<]*)</span>', page)


def add_photo(album: Album, taken_at: datetime | None, offset_minutes: int | None = None) -> Photo:
    photo = making.photo(album, ProcessingJob(pk=1, original_filename="photo.jpg"))
    photo.taken_at, photo.taken_offset_minutes = taken_at, offset_minutes
    photo.save()
    return photo


@pytest.fixture
def albums(owner) -> dict[str, Album]:
    return {title: Album.objects.create(title=title, owner=owner) for title in ("Winter", "autumn", "Summer", "Spring")}


def test_albums_are_found_by_a_part_of_their_title(signed_in, albums):
    assert titles(signed_in, "?q=MM") == ["Summer"]


def test_a_search_without_results_names_what_was_searched_for(signed_in, albums):
    page = signed_in.get("/albums/?q=<i>Easter").content.decode()

    assert "No album title contains “&lt;i&gt;Easter”." in page


def test_albums_of_other_users_are_not_found(albums, stranger):
    client = Client()
    client.force_login(stranger)

    assert titles(client, "?q=Summer") == []


@pytest.mark.parametrize("query", ["?sort=sideways", "?q=%00", f"?q={'x' * 201}", "?page=x&sort=&q="])
def test_invalid_values_count_as_empty(signed_in, albums, query):
    assert titles(signed_in, query) == ["Spring", "Summer", "autumn", "Winter"]


def test_albums_are_sorted_by_title_without_regard_to_case(signed_in, albums):
    assert titles(signed_in, "?sort=title") == ["autumn", "Spring", "Summer", "Winter"]


def test_albums_are_sorted_by_their_latest_photo_and_undated_ones_come_last(signed_in, albums):
    add_photo(albums["Summer"], datetime(2023, 7, 1, tzinfo=UTC))
    add_photo(albums["Winter"], datetime(2024, 1, 1, tzinfo=UTC))
    add_photo(albums["Winter"], datetime(2020, 1, 1, tzinfo=UTC))
    add_photo(albums["Spring"], None)

    assert titles(signed_in, "?sort=date") == ["Winter", "Summer", "Spring", "autumn"]


def test_a_card_shows_the_days_of_the_first_and_last_photo_by_the_cameras_clock(signed_in, albums):
    add_photo(albums["Summer"], datetime(2024, 6, 30, 22, 30, tzinfo=UTC), offset_minutes=120)
    add_photo(albums["Summer"], datetime(2024, 7, 9, tzinfo=UTC))

    page = signed_in.get("/albums/").content.decode()

    assert re.findall(r'"card__dates">([^<]*)<', page) == ["1\N{EN DASH}9 Jul 2024"]


def test_the_dates_leave_out_photos_in_the_trash(signed_in, albums):
    photo = add_photo(albums["Summer"], datetime(2024, 6, 1, tzinfo=UTC))
    Photo.objects.filter(pk=photo.pk).update(trashed_at=datetime(2025, 1, 1, tzinfo=UTC))

    assert b"card__dates" not in signed_in.get("/albums/").content


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2024, 6, 3), date(2024, 6, 3), "3 Jun 2024"),
        (date(2024, 6, 3), date(2024, 6, 9), "3\N{EN DASH}9 Jun 2024"),
        (date(2024, 5, 30), date(2024, 6, 2), "30 May \N{EN DASH} 2 Jun 2024"),
        (date(2023, 12, 30), date(2024, 1, 2), "Dec 2023 \N{EN DASH} Jan 2024"),
    ],
)
def test_ranges_of_days_are_brief(first, last, text):
    assert album_list.span(first, last) == text


@pytest.mark.parametrize("query", ["", "?q=m&sort=date"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_albums(signed_in, albums, owner, query):
    making.job_in(albums["Summer"], JobState.FAILED)
    add_photo(albums["Summer"], datetime(2024, 6, 3, tzinfo=UTC))
    signed_in.get("/albums/")
    with CaptureQueriesContext(connection) as before:
        signed_in.get(f"/albums/{query}")
    for number in range(20):
        add_photo(Album.objects.create(title=f"Summer {number}", owner=owner), datetime(2024, 6, 3, tzinfo=UTC))

    with CaptureQueriesContext(connection) as after:
        signed_in.get(f"/albums/{query}")

    assert len(after) == len(before)


def test_the_order_is_kept_on_the_next_page(signed_in, owner):
    Album.objects.bulk_create([Album(title=f"Album {number:03}", owner=owner) for number in range(70)])

    assert titles(signed_in, "?sort=title&page=2") == [f"Album {number:03}" for number in range(60, 70)]
    assert 'href="?sort=title&amp;page=2"' in signed_in.get("/albums/?sort=title").content.decode()


def test_the_first_run_shows_the_steps_and_the_formats(signed_in):
    page = signed_in.get("/albums/").content.decode()

    assert "Create your first album" in page
    assert "HEIC" in page
    assert "Search albums" not in page


def test_cards_and_the_page_accept_drops(signed_in, album):
    page = signed_in.get("/albums/").content.decode()

    assert f'data-drop-target="{album.pk}"' in page
    assert 'data-drop-target="new"' in page


def test_albums_inside_others_and_archived_ones_are_only_found_or_listed_on_request(signed_in, albums, owner):
    Album.objects.create(title="Midsummer", owner=owner, parent=albums["Summer"])
    Album.objects.filter(title="Winter").update(archived_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert titles(signed_in) == ["Spring", "Summer", "autumn"]
    assert titles(signed_in, "?show=archived") == ["Winter"]
    assert titles(signed_in, f"?inside={albums['Summer'].pk}") == ["Midsummer"]
    assert titles(signed_in, "?q=summer") == ["Midsummer", "Summer"]
    assert titles(signed_in, "?q=winter") == ["Winter"]
    assert signed_in.get("/albums/?inside=4711").status_code == 404


def test_pinned_albums_come_first(signed_in, albums):
    Album.objects.filter(title="Winter").update(pinned_at=datetime(2026, 1, 1, tzinfo=UTC))

    cards = signed_in.get("/albums/").context["cards"]

    assert [card.album.title for card in cards] == ["Winter", "Spring", "Summer", "autumn"]


def test_lists_take_the_same_number_of_queries_for_ten_and_for_a_thousand_albums(signed_in, album, owner):
    Album.objects.bulk_create(Album(title=f"Album {number}", owner=owner, parent=album) for number in range(10))
    Album.objects.bulk_create(Album(title=f"Top {number}", owner=owner) for number in range(10))
    urls = ("/albums/", "/albums/?sort=date", f"/albums/?inside={album.pk}", f"/albums/{album.pk}/")
    before = [count_queries(signed_in, url) for url in urls]
    Album.objects.bulk_create(Album(title=f"Album {number}", owner=owner, parent=album) for number in range(990))
    Album.objects.bulk_create(Album(title=f"Top {number}", owner=owner) for number in range(990))

    after = [count_queries(signed_in, url) for url in urls]

    # The page of an album counts the albums inside it only if they are more than it shows.
    assert after == [*before[:3], before[3] + 1]


def count_queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)
