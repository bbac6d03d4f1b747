"""Sorting an album: its orders, ties, RAWs and the trash, and undoing it."""

import random
from typing import Any

import pytest
from django.utils import timezone

from albums import operations
from albums.models import Album, FormerPosition, Operation, Photo, SortedBy
from albums.operations import engine
from tests.albums.grid.filling import fill, taken
from tests.albums.order.rows import dump, names, order

pytestmark = pytest.mark.django_db


def sort(album: Album, sorted_by: str) -> Operation:
    return operations.start(album.owner, "sort", {"album": album.pk, "sorted_by": sorted_by})


def add(album: Album, name: str, **columns: Any) -> Photo:
    [photo] = fill(album, 1, name=name, **columns)
    Photo.objects.filter(pk=photo.pk).update(upload_position=photo.position)
    return photo


@pytest.fixture
def mixed(album) -> Album:
    add(album, "b10.jpg", taken_at=taken("2025-05-02T10:00"), rating=3)
    add(album, "B2.jpg", taken_at=taken("2025-05-01T10:00"), rating=-1)
    # 11:00 local time, which is later than the first photo's 10:00 although the moment is earlier.
    add(album, "a.jpg", taken_at=taken("2025-05-02T09:00"), taken_offset_minutes=120, edited_rating=5, rating=0)
    add(album, "c.jpg")
    add(album, "d.jpg", taken_at=taken("2025-05-09T10:00"), edited_taken_at=taken("2024-01-01T00:00"), rating=3)
    return album


@pytest.mark.parametrize(
    ("sorted_by", "expected"),
    [
        (SortedBy.TAKEN, "d B2 b10 a c"),
        (SortedBy.NEWEST, "a b10 B2 d c"),
        (SortedBy.NAME, "a B2 b10 c d"),
        (SortedBy.RATING, "a b10 d c B2"),
        (SortedBy.UPLOADED, "b10 B2 a c d"),
        (SortedBy.MANUAL, "d b10 a c B2"),
    ],
)
def test_each_order(mixed, sorted_by, expected):
    for place, name in enumerate(["d", "b10", "a", "c", "B2"]):
        mixed.photos.filter(name=f"{name}.jpg").update(position=place)

    sort(mixed, sorted_by)

    assert names(mixed) == [f"{name}.jpg" for name in expected.split()]
    mixed.refresh_from_db()
    assert mixed.sorted_by == sorted_by


def test_photos_with_equal_keys_are_in_the_order_of_names_then_of_uploads(album):
    photos = [add(album, name, taken_at=taken("2025-05-01T10:00")) for name in ("2.jpg", "1.jpg", "2.jpg", "1.jpg")]
    expected = [photos[index].pk for index in (1, 3, 0, 2)]

    for sorted_by in (SortedBy.TAKEN, SortedBy.RATING, SortedBy.NEWEST, SortedBy.TAKEN):
        sort(album, sorted_by)
        assert order(album) == expected


def test_photos_in_the_trash_are_sorted_too(album):
    for name in ("c.jpg", "b.jpg", "a.jpg"):
        add(album, name, trashed_at=timezone.now() if name == "b.jpg" else None)

    sort(album, SortedBy.NAME)
    album.photos.update(trashed_at=None)

    assert names(album) == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_raw_gets_the_position_of_its_jpeg(album):
    raw, jpeg, other = (add(album, name) for name in ("a.cr2", "z.jpg", "m.jpg"))
    Photo.objects.filter(pk=raw.pk).update(shown_as=jpeg)

    sort(album, SortedBy.NAME)

    raw.refresh_from_db()
    jpeg.refresh_from_db()
    assert raw.position == jpeg.position
    assert order(album) == [other.pk, jpeg.pk]


@pytest.mark.parametrize("sorted_by", [SortedBy.TAKEN, SortedBy.UPLOADED, SortedBy.MANUAL])
def test_undoing_a_sort_restores_all_rows(mixed, sorted_by):
    add(mixed, "raw.cr2", shown_as=mixed.photos.first())
    random_positions = random.Random(1).sample(range(100), mixed.photos.count())
    for photo, position in zip(mixed.photos.all(), random_positions, strict=True):
        Photo.objects.filter(pk=photo.pk).update(position=position)
    before = dump()

    operation = engine.undo(sort(mixed, sorted_by))

    assert dump() == before
    assert (operation.state, operation.kept) == ("undone", 0)


def test_undoing_a_sort_leaves_photos_that_were_moved_since(mixed):
    operation = sort(mixed, SortedBy.NAME)
    moved = mixed.photos.get(name="d.jpg")
    Photo.objects.filter(pk=moved.pk).update(position=5)

    operation = engine.undo(operation)

    assert operation.kept == 1
    assert names(mixed) == ["d.jpg", "b10.jpg", "B2.jpg", "a.jpg", "c.jpg"]


def test_undoing_an_earlier_sort_keeps_a_later_choice(mixed):
    operation = sort(mixed, SortedBy.NAME)
    sort(mixed, SortedBy.RATING)

    engine.undo(operation)

    mixed.refresh_from_db()
    assert mixed.sorted_by == SortedBy.RATING


def test_an_album_that_was_given_away_is_not_restored(mixed, stranger):
    operation = sort(mixed, SortedBy.NAME)
    Album.objects.update(owner=stranger)
    before = dump()

    assert engine.undo(operation).kept == 5
    assert dump() == before


def test_the_number_of_queries_does_not_depend_on_the_album(album, their_album, django_assert_max_num_queries):
    fill(album, 3)
    fill(their_album, 2_000)
    counts = []
    for sorted_album in (album, their_album):
        with django_assert_max_num_queries(50) as queries:
            engine.undo(sort(sorted_album, SortedBy.NAME))
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_former_positions_are_forgotten_with_their_operation(mixed):
    operation = sort(mixed, SortedBy.NAME)
    assert FormerPosition.objects.exists()

    operation.delete()

    assert not FormerPosition.objects.exists()
