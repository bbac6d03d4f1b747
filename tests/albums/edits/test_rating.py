"""A user's rating of a photo is shown in place of the one in the file."""

import pytest
from django.test import Client

from albums import trash
from albums.models import Operation, Photo
from tests.albums.test_trash import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(album) -> Photo:
    """A photo whose file says three stars."""
    [photo] = rows(album, 1)
    Photo.objects.filter(pk=photo.pk).update(rating=3)
    return Photo.objects.get(pk=photo.pk)


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def rate(client: Client, photo: Photo, rating: object) -> int:
    """Returns the status of the response."""
    return client.post(f"/photos/{photo.pk}/rating/", {"rating": rating}).status_code


def test_a_user_rates_a_photo_and_the_rating_of_the_file_stays(signed_in, photo):
    assert photo.stars == 3

    assert rate(signed_in, photo, 5) == 302

    photo.refresh_from_db()
    assert (photo.rating, photo.edited_rating, photo.stars) == (3, 5, 5)
    assert 'aria-label="Rated 5 of 5"' in signed_in.get(f"/photos/{photo.pk}/").content.decode()


def test_a_rating_can_be_undone(signed_in, photo):
    rate(signed_in, photo, 5)
    assert "Rating changed." in signed_in.get(f"/photos/{photo.pk}/").content.decode()

    signed_in.post(f"/operations/{Operation.objects.get().pk}/undo/")

    photo.refresh_from_db()
    assert (photo.edited_rating, photo.stars) == (None, 3)


def test_the_same_rating_again_leaves_nothing_to_undo(signed_in, photo):
    assert rate(signed_in, photo, 3) == 302

    assert not Operation.objects.exists()


def test_a_raw_is_rated_as_the_jpeg_that_is_shown_for_it(signed_in, photo):
    raw = next(other for other in rows(photo.album, 1) if other.pk != photo.pk)
    Photo.objects.filter(pk=raw.pk).update(shown_as=photo)

    assert signed_in.post(f"/photos/{raw.pk}/rating/", {"rating": 4}).url == f"/photos/{photo.pk}/"

    photo.refresh_from_db()
    assert photo.stars == 4


def test_zero_stars_hide_the_rating_of_the_file(signed_in, photo):
    rate(signed_in, photo, 0)

    photo.refresh_from_db()
    assert photo.stars == 0
    assert 'aria-label="Rated' not in signed_in.get(f"/photos/{photo.pk}/").content.decode()


def test_a_rejected_photo_says_so_until_a_user_rates_it(signed_in, photo):
    Photo.objects.update(rating=-1)
    assert "Rejected" in signed_in.get(f"/photos/{photo.pk}/").content.decode()

    rate(signed_in, photo, 2)

    assert "Rejected" not in signed_in.get(f"/photos/{photo.pk}/").content.decode()


@pytest.mark.parametrize("rating", [-1, 6, "", "many", "1.5"])
def test_another_number_is_not_a_rating(signed_in, photo, rating):
    assert rate(signed_in, photo, rating) == 400

    photo.refresh_from_db()
    assert photo.edited_rating is None


def test_a_photo_in_the_trash_keeps_its_rating(signed_in, photo):
    trash.move_to_trash(photo)

    assert rate(signed_in, photo, 5) == 302

    photo.refresh_from_db()
    assert photo.edited_rating is None
    assert 'name="rating"' not in signed_in.get(f"/photos/{photo.pk}/").content.decode()


def test_without_permission_for_the_album_a_user_cannot_rate(stranger, photo):
    client = Client()
    client.force_login(stranger)

    assert rate(client, photo, 5) == 404
