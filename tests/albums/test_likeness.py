"""Photos that look the same, found by their looks alone; pointed out on their pages, and nothing else done about it."""

import pytest

from albums import likeness, trash
from albums.models import Album, Look, Photo
from processing.models.states import JobState
from processing.rendering import worker
from processing.uploads import lifecycle as uploads
from tests.pipeline.render.test_perceptual_hash import saved, scene
from tests.processing import making

pytestmark = pytest.mark.django_db

OWN = 0x0123_4567_89AB_CDEF


def photo(album: Album, bits: int | None = OWN, size: tuple[int, int] = (60, 40)) -> Photo:
    made = making.job_in(album, JobState.COMPLETED).photo
    assert made
    Photo.objects.filter(pk=made.pk).update(width=size[0], height=size[1])
    if look := likeness.build_hash(made, None if bits is None else f"{bits:016x}"):
        look.save()
    return Photo.objects.get(pk=made.pk)


def test_up_to_six_bits_wherever_they_are_look_the_same_the_nearest_first(album):
    own = photo(album)
    near = [
        photo(album, OWN ^ bits)
        for bits in (0, 1, 1 << 63, 0b11 << 16, 0x0003_0003_0003_0000, 0x0000_0000_003F_0000, 0x0003_0001_0001_0003)
    ]
    for bits in (0x7F, 0x0003_0003_0003_0001, 0x0003_0003_0003_0003):
        photo(album, OWN ^ bits)

    assert likeness.similar_photos(own) == near


def test_who_has_no_look_is_like_nobody(album):
    flat = [photo(album, None) for _ in range(2)]

    assert [likeness.similar_photos(each) for each in flat] == [[], []]
    assert Look.objects.count() == 0


def test_another_size_is_the_same_picture_and_another_shape_is_not(album):
    own, smaller = photo(album, size=(3000, 2000)), photo(album, size=(1024, 683))
    photo(album, size=(2000, 2000))

    assert likeness.similar_photos(own) == [smaller]


def test_only_what_the_same_album_shows_is_told(album, owner):
    own, gone, half = photo(album), photo(album), photo(album)
    photo(Album.objects.create(title="Other", owner=owner))
    trash.move_to_trash(gone)
    Photo.objects.filter(pk=half.pk).update(shown_as=own)

    assert likeness.similar_photos(own) == []
    assert likeness.similar_photos(Photo.objects.get(pk=half.pk)) == []


def test_likeness_costs_four_queries_however_many_there_are(album, django_assert_num_queries):
    own = photo(album)
    for _ in range(20):
        photo(album)

    with django_assert_num_queries(4):
        assert len(likeness.similar_photos(own)) == likeness.LISTED


def test_the_page_of_a_photo_shows_its_likes_and_leaves_them_be(album, client, owner):
    first = making.upload(album, "other.jpg")
    uploads.cancel(first, "cancelled", "Only to open the batch.")
    for name, size, form in (("large.jpg", (900, 600), "JPEG"), ("small.webp", (450, 300), "WEBP")):
        made = saved(scene(1, size), form, quality=80)
        made.fp.seek(0)
        making.received(album, made.fp.read(), name=name, batch=first.batch)
    making.received(album, name="other.jpg", batch=first.batch)
    while worker.develop_next():
        pass
    client.force_login(owner)
    large, other, small = album.photos.order_by("name")

    page, plain = (client.get(each.get_absolute_url()).content.decode() for each in (large, other))

    assert "Similar photos" in page
    assert f'href="{small.get_absolute_url()}"' in page
    assert "Similar photos" not in plain
    assert album.photos.shown().count() == 3
