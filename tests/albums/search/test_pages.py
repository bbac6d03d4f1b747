"""The pages of a search, and the photo pages that are opened from it."""

import pytest

from albums.models import Photo
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
