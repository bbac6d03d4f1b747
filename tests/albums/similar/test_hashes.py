"""Similar photos are found by their perceptual hashes and listed on the page of a photo."""

import pytest

from albums import trash
from albums.models import Album, PerceptualHash, Photo
from albums.similar import hashes
from processing.models.states import JobState
from processing.rendering import worker
from processing.uploads import lifecycle
from tests.pipeline.render.test_perceptual_hash import saved, scene
from tests.processing import making

pytestmark = pytest.mark.django_db

OWN = 0x0123_4567_89AB_CDEF


def photo(album: Album, bits: int | None = OWN, size: tuple[int, int] = (60, 40)) -> Photo:
    new_photo = making.job_in(album, JobState.COMPLETED).photo
    assert new_photo
    Photo.objects.filter(pk=new_photo.pk).update(width=size[0], height=size[1])
    if perceptual_hash := hashes.build_hash(new_photo, None if bits is None else f"{bits:016x}"):
        perceptual_hash.save()
    return Photo.objects.get(pk=new_photo.pk)


def test_hashes_that_differ_in_up_to_six_bits_are_similar_the_nearest_first(album):
    own = photo(album)
    similar = [
        photo(album, OWN ^ bits)
        for bits in (0, 1, 1 << 63, 0b11 << 16, 0x0003_0003_0003_0000, 0x0000_0000_003F_0000, 0x0003_0001_0001_0003)
    ]
    for bits in (0x7F, 0x0003_0003_0003_0001, 0x0003_0003_0003_0003):
        photo(album, OWN ^ bits)

    assert hashes.similar_photos(own) == similar


def test_a_photo_without_a_hash_has_no_similar_photos(album):
    flat_photos = [photo(album, None) for _ in range(2)]

    assert [hashes.similar_photos(flat_photo) for flat_photo in flat_photos] == [[], []]
    assert PerceptualHash.objects.count() == 0


def test_a_photo_of_another_size_is_similar_and_one_of_another_shape_is_not(album):
    own, smaller = photo(album, size=(3000, 2000)), photo(album, size=(1024, 683))
    photo(album, size=(2000, 2000))

    assert hashes.similar_photos(own) == [smaller]


def test_only_shown_photos_of_the_same_album_are_similar(album, owner):
    own, trashed, stacked = photo(album), photo(album), photo(album)
    photo(Album.objects.create(title="Other", owner=owner))
    trash.move_to_trash(trashed)
    Photo.objects.filter(pk=stacked.pk).update(shown_as=own)

    assert hashes.similar_photos(own) == []
    assert hashes.similar_photos(Photo.objects.get(pk=stacked.pk)) == []


def test_finding_similar_photos_takes_four_queries_for_any_number_of_photos(album, django_assert_num_queries):
    own = photo(album)
    for _ in range(20):
        photo(album)

    with django_assert_num_queries(4):
        assert len(hashes.similar_photos(own)) == hashes.LISTED


def test_the_page_of_a_photo_lists_similar_photos(album, client, owner):
    upload = making.upload(album, "other.jpg")
    lifecycle.cancel(upload, "cancelled", "Only to open the batch.")
    for name, size, form in (("large.jpg", (900, 600), "JPEG"), ("small.webp", (450, 300), "WEBP")):
        image = saved(scene(1, size), form, quality=80)
        image.fp.seek(0)
        making.received(album, image.fp.read(), name=name, batch=upload.batch)
    making.received(album, name="other.jpg", batch=upload.batch)
    while worker.develop_next():
        pass
    client.force_login(owner)
    large, other, small = album.photos.order_by("name")

    page, page_without_similar = (
        client.get(shown_photo.get_absolute_url()).content.decode() for shown_photo in (large, other)
    )

    assert "Similar photos" in page
    assert f'href="{small.get_absolute_url()}"' in page
    assert "Similar photos" not in page_without_similar
    assert album.photos.shown().count() == 3
