"""The order of photos by capture time, with and without a time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from albums.models import Photo
from processing.lib import timestamps
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

TAKEN = {
    "noon in Tokyo": "2024-05-01T12:00:00+09:00",
    "a minute later, zone unknown": "2024-05-01T12:01:00",
    "two minutes later in Tokyo": "2024-05-01T12:02:00+09:00",
    "in the evening, zone unknown": "2024-05-01T20:00:00",
    "next morning in New York": "2024-05-02T08:00:00-04:00",
    "then, zone unknown": "2024-05-02T08:00:30",
}


def photo(album, name: str, taken: str | None) -> Photo:
    photo = making.photo(album, making.job_in(album, JobState.COMPLETED))
    photo.name = name
    photo.taken_at, photo.taken_offset_minutes = timestamps.parse_capture_time(taken)
    photo.save()
    return photo


def test_photos_with_and_without_a_time_zone_are_sorted_by_local_time(album):
    for name, taken in reversed(TAKEN.items()):
        photo(album, name, taken)
    photo(album, "never", None)

    photos = album.photos.exclude(name="photo.jpg").by_time()

    assert [photo.name for photo in photos] == [*TAKEN, "never"]


def test_the_admin_sorts_photos_by_local_time(album, admin, client):
    for name, taken in TAKEN.items():
        photo(album, name, taken)
    client.force_login(admin)

    page = client.get("/admin/albums/photo/?o=-7").content.decode()

    positions = [page.index(name) for name in TAKEN]
    assert positions == sorted(positions, reverse=True)
    assert "2024-05-01 12:00 UTC+09:00" in page
    assert "2024-05-01 12:01<" in page


def test_a_capture_time_with_a_time_zone_is_stored_exactly(album):
    stored_photo = photo(album, "Tokyo", "2024-05-01T12:00:00+09:00")
    stored_photo.refresh_from_db()

    assert (stored_photo.taken_at, stored_photo.taken_offset_minutes) == (datetime(2024, 5, 1, 3, tzinfo=UTC), 540)
    assert stored_photo.taken_at + timedelta(minutes=540) == datetime(2024, 5, 1, 12, tzinfo=UTC)
