"""The film strip: the photos around one photo."""

import pytest

from albums import shelf, trash
from albums.models import Photo
from tests.albums.test_trash import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album) -> list[Photo]:
    created = rows(album, 7)
    # Four photos at one position are in the order of their ids.
    Photo.objects.filter(pk__in=[photo.pk for photo in created[2:6]]).update(position=created[2].position)
    return list(album.photos.all())


def test_the_strip_has_the_nearest_photos_on_each_side_in_the_order_of_the_album(photos):
    strip = shelf.strip(photos[3], each_side=2)

    assert (strip.before, strip.after) == (photos[1:3], photos[4:6])
    assert (strip.previous, strip.next) == (photos[2], photos[4])


def test_the_strip_ends_where_the_album_ends(photos):
    assert (shelf.strip(photos[0]).before, shelf.strip(photos[0]).previous) == ([], None)
    assert (shelf.strip(photos[6]).after, shelf.strip(photos[6]).next) == ([], None)


def test_the_strip_leaves_out_photos_in_the_trash(photos):
    trash.move_to_trash(photos[4])

    assert shelf.strip(photos[3]).after == photos[5:]


def test_a_strip_takes_the_same_number_of_queries_for_any_album(
    client, owner, photos, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(owner)
    address = photos[3].get_absolute_url()
    client.get(address)
    with django_assert_max_num_queries(14) as queries:
        client.get(address)
    photos[0].album.photos.exclude(pk__in=[photo.pk for photo in photos[2:5]]).delete()

    with django_assert_num_queries(len(queries)):
        client.get(address)
