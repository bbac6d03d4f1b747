"""Groups of similar photos, the sharpest first."""

from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageFilter

from albums.models import Album, PerceptualHash, Photo, Rendition
from albums.similar import groups, hashes
from processing.rendering import worker
from tests.albums.grid.filling import fill
from tests.pipeline.render.test_perceptual_hash import scene
from tests.processing import making

pytestmark = pytest.mark.django_db
OWN = 0x0123_4567_89AB_CDEF
OTHER = 0xFEDC_BA98_7654_3210


def with_hash(photo: Photo, bits: int) -> Photo:
    hashes.save_hash(photo, f"{bits:016x}")
    return photo


def ids(page: groups.Page) -> list[set[int]]:
    return [{photo.pk for photo in group.photos} for group in page.groups]


def test_groups_are_in_the_order_of_the_album(album):
    photos = fill(album, 6)
    for photo, bits in zip(photos, [OTHER, OWN, 0xAAAA_AAAA_AAAA_AAAA, OWN ^ 1, OTHER ^ 3, 0], strict=True):
        with_hash(photo, bits)

    page = groups.page(album)
    assert ids(page) == [{photos[0].pk, photos[4].pk}, {photos[1].pk, photos[3].pk}]
    assert page.next is None


def test_a_chain_of_similar_photos_is_one_group(album):
    photos = [with_hash(photo, OWN ^ (2 ** (5 * index) - 1)) for index, photo in enumerate(fill(album, 4))]
    assert ids(groups.page(album)) == [{photo.pk for photo in photos}]


def test_photos_of_another_shape_or_in_the_trash_or_in_another_album_are_in_no_group(album, owner):
    with_hash(fill(album, 1)[0], OWN)
    with_hash(fill(album, 1, width=4000)[0], OWN)
    with_hash(fill(album, 1, trashed_at="2026-01-01T00:00Z")[0], OWN)
    with_hash(fill(Album.objects.create(title="Winter", owner=owner), 1)[0], OWN)

    assert groups.page(album).groups == []


def test_pages_show_each_group_once(album, monkeypatch):
    monkeypatch.setattr(groups, "MAX_GROUPS", 1)
    photos = fill(album, 4)
    for photo, bits in zip(photos, [OWN, OTHER, OTHER, OWN], strict=True):
        with_hash(photo, bits)

    first = groups.page(album)
    second = groups.page(album, first.next)
    assert ids(first) == [{photos[0].pk, photos[3].pk}]
    assert ids(second) == [{photos[1].pk, photos[2].pk}]
    assert second.next is None


def test_a_page_searches_a_bounded_number_of_photos(album, monkeypatch):
    monkeypatch.setattr(groups, "MAX_SEARCHED", 2)
    photos = [with_hash(photo, OWN) for photo in fill(album, 4)]
    PerceptualHash.objects.filter(photo__in=photos[:2]).delete()
    with_hash(photos[0], OTHER)
    with_hash(photos[1], 0xAAAA_AAAA_AAAA_AAAA)

    first = groups.page(album)
    assert (first.groups, first.next) == ([], photos[2].position)
    assert ids(groups.page(album, first.next)) == [{photos[2].pk, photos[3].pk}]


def test_a_page_takes_the_same_queries_for_any_number_of_photos(album, django_assert_num_queries):
    for photo in fill(album, 2):
        with_hash(photo, OWN)
    with django_assert_num_queries(4):
        groups.page(album)
    for photo in fill(album, 30):
        with_hash(photo, OTHER)
    with django_assert_num_queries(4):
        groups.page(album)


def test_the_larger_photo_is_the_sharpest(album):
    small, large = fill(album, 1, width=1500, height=1000)[0], fill(album, 1)[0]
    for photo in (small, large):
        with_hash(photo, OWN)
    Rendition.objects.filter(photo=small).update(bytes=10**6)

    assert groups.page(album).groups[0].photos == [large, small]


@pytest.mark.parametrize("is_blurred_first", [True, False])
def test_of_two_photos_of_one_size_the_blurred_one_is_last(album, is_blurred_first):
    dots = Image.frombytes("L", (300, 200), bytes(index * index % 61 for index in range(60_000)))
    soft = scene(4, (1200, 800))
    picture = ImageChops.add(soft, dots.resize(soft.size, Image.Resampling.NEAREST).convert("RGB"))
    pictures = {"sharp.jpg": picture, "blurred.jpg": picture.filter(ImageFilter.GaussianBlur(2))}
    for name in sorted(pictures, reverse=not is_blurred_first):
        buffer = BytesIO()
        pictures[name].save(buffer, "JPEG", quality=95)
        making.received(album, buffer.getvalue(), name)
        worker.develop_next()

    [group] = groups.page(album).groups
    assert [photo.name for photo in group.photos] == ["sharp.jpg", "blurred.jpg"]


def test_equal_photos_are_compared_a_few_times_each(album, monkeypatch):
    photos = [with_hash(photo, OWN) for photo in fill(album, 50)]
    monkeypatch.setattr(groups, "MAX_COMPARED", 50 * 10)
    assert ids(groups.page(album)) == [{photo.pk for photo in photos}]


def test_a_request_ends_after_a_number_of_comparisons_and_the_next_one_continues(album, monkeypatch):
    photos = [
        with_hash(photo, bits) for photo, bits in zip(fill(album, 6), [OWN, OWN ^ 1, OTHER, 0, OTHER, 1], strict=True)
    ]
    monkeypatch.setattr(groups, "MAX_COMPARED", 1)

    pages, start = [], None
    for _ in range(20):
        page = groups.page(album, start)
        pages += ids(page)
        if (start := page.next) is None:
            break

    assert start is None
    assert pages == [{photos[a].pk, photos[b].pk} for a, b in ((0, 1), (2, 4), (3, 5))]
