import pytest
from django.test import Client

from albums.models import Album, Photo
from tests.albums.grid.filling import fill, taken


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def photo(album) -> Photo:
    """A photo whose file has all metadata that can be edited."""
    return described(album, 1)[0]


def described(album: Album, count: int) -> list[Photo]:
    """Adds photos whose files have all metadata that can be edited."""
    return fill(
        album,
        count,
        title="Harbour",
        caption="Boats",
        keywords=["sea", "cat"],
        rating=3,
        taken_at=taken("2024-05-31 16:30:00"),
        taken_offset_minutes=120,
        taken_from="exif",
        latitude=48.5,
        longitude=-2.25,
        altitude=12.0,
    )
