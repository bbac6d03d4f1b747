"""Photos that arrive in a sorted album, or are edited: they get the place that sorting would give them."""

import random

import pytest

from albums import operations
from albums.models import Album, Photo, SortedBy
from albums.order import placing
from processing.rendering import worker
from tests.albums.grid.filling import FIRST_POSITION, fill, taken
from tests.albums.order.rows import names, order
from tests.processing import making

pytestmark = pytest.mark.django_db


def sort(album: Album, sorted_by: str) -> None:
    operations.start(album.owner, "sort", {"album": album.pk, "sorted_by": sorted_by})


def positions(album: Album) -> dict[int, int]:
    return dict(album.photos.values_list("pk", "position"))


@pytest.mark.parametrize("sorted_by", [SortedBy.TAKEN, SortedBy.NEWEST, SortedBy.NAME, SortedBy.RATING])
def test_placed_photos_are_where_sorting_would_put_them(album, sorted_by):
    generator = random.Random(sorted_by)
    days = [None, *(taken(f"2025-05-{day:02}T12:00") for day in range(1, 9))]
    sort(album, sorted_by)
    for count in (1, 1, 3, 1, 7, 1, 1, 2):
        photos = [
            fill(album, 1, name=f"{generator.randrange(30)}.jpg", taken_at=generator.choice(days), rating=index % 6)[0]
            for index in range(count)
        ]

        placing.place(album.pk, [photo.pk for photo in photos])

        placed = order(album)
        sort(album, sorted_by)
        assert order(album) == placed


def test_a_placed_photo_moves_no_others(album):
    fill(album, 20, taken_at=taken("2025-05-01T10:00"))
    sort(album, SortedBy.TAKEN)
    before = positions(album)
    [early] = fill(album, 1, taken_at=taken("2024-05-01T10:00"))

    placing.place(album.pk, [early.pk])

    after = positions(album)
    assert order(album)[0] == early.pk
    assert after | {early.pk: 0} == before | {early.pk: 0}


def test_more_photos_than_the_gap_has_room_for(album):
    for day in ("01", "31"):
        fill(album, 1, taken_at=taken(f"2025-05-{day}T10:00"))
    sort(album, SortedBy.TAKEN)
    first, _ = album.photos.all()
    album.photos.exclude(pk=first.pk).update(position=first.position + 3)

    for hour in range(8):
        [photo] = fill(album, 1, taken_at=taken(f"2025-05-15T{hour:02}:00"))
        placing.place(album.pk, [photo.pk])

    clock = [photo.taken_at for photo in album.photos.shown()]
    assert clock == sorted(clock)
    assert len(set(positions(album).values())) == 10


def test_without_a_key_photos_stay_at_the_end(album):
    fill(album, 3)
    before = positions(album)

    for sorted_by in (SortedBy.UPLOADED, SortedBy.MANUAL):
        Album.objects.update(sorted_by=sorted_by)
        placing.place(album.pk, list(before))

    assert positions(album) == before


def test_a_raw_takes_its_jpeg_along(album):
    fill(album, 1, name="b.jpg")
    sort(album, SortedBy.NAME)
    jpeg, raw = fill(album, 1, name="a.jpg")[0], fill(album, 1, name="a.cr2")[0]
    Photo.objects.filter(pk=raw.pk).update(shown_as=jpeg)

    placing.place(album.pk, [raw.pk])

    assert names(album) == ["a.jpg", "b.jpg"]
    assert Photo.objects.get(pk=raw.pk).position == Photo.objects.get(pk=jpeg.pk).position


def test_a_processed_photo_comes_to_its_place_and_one_in_manual_order_to_the_end(album):
    for name in ("a.jpg", "z.jpg"):
        fill(album, 1, name=name)
    sort(album, SortedBy.NAME)
    making.received(album, name="m.jpg")
    assert worker.develop_next()
    assert names(album) == ["a.jpg", "m.jpg", "z.jpg"]
    assert album.photos.get(name="m.jpg").upload_position > FIRST_POSITION

    sort(album, SortedBy.MANUAL)
    making.received(album, name="b.jpg")
    assert worker.develop_next()
    assert names(album) == ["a.jpg", "m.jpg", "z.jpg", "b.jpg"]
