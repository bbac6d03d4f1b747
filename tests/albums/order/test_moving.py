"""Moving photos within an album: between neighbours, with exhausted gaps, RAWs and the trash, and undoing it."""

import random

import pytest
from django.db.models import F
from django.utils import timezone

from albums import operations
from albums.models import Album, Operation, Photo, SortedBy
from albums.operations import engine
from albums.order import moving
from albums.order.moving import Target
from albums.selection import Selection
from tests.albums.grid.filling import fill
from tests.albums.order.rows import dump, order

pytestmark = pytest.mark.django_db


def move(album: Album, photo_ids: list[int], target: Target) -> Operation:
    where = {"photo": target.photo_id, "is_behind": target.is_behind}
    params = {"album": album.pk, "selection": Selection(tuple(photo_ids)).to_json()}
    return operations.start(album.owner, "place", params | where)


def test_random_moves_give_the_order_of_a_list(album):
    model = [photo.pk for photo in fill(album, 40)]
    generator = random.Random(5)
    history = [dump()]
    moves = []
    for _ in range(60):
        moved = generator.sample(model, generator.choice([1, 1, 3]))
        moved.sort(key=model.index)
        others = [pk for pk in model if pk not in moved]
        index = generator.choice([0, 7, 7, 7, len(others)])
        is_behind = index > 0 and generator.random() < 0.5
        neighbour = others[index - 1] if is_behind else others[index] if index < len(others) else None

        moves.append(move(album, moved, Target(neighbour, is_behind)))

        model = [*others[:index], *moved, *others[index:]]
        assert order(album) == model
        history.append(dump())

    # Each move undone, the latest first, gives the rows before it.
    for operation, before in zip(reversed(moves), history[-2::-1], strict=True):
        assert engine.undo(operation).kept == 0
        assert dump() == before


def test_a_move_writes_one_photo(album):
    photos = fill(album, 9)
    for place, photo in enumerate(photos):
        Photo.objects.filter(pk=photo.pk).update(position=place * 1000)
    others = list(album.photos.exclude(pk=photos[8].pk).values())

    move(album, [photos[8].pk], Target(photos[2].pk))

    assert list(album.photos.exclude(pk=photos[8].pk).values()) == others
    assert album.photos.get(pk=photos[8].pk).position == 1500


def test_photos_at_one_position_can_be_put_between(album):
    photos = [photo.pk for photo in fill(album, 1_500, position=7)]

    move(album, [photos[0]], Target(photos[700]))
    move(album, [photos[1400]], Target(photos[3], is_behind=True))

    model = [*photos[1:700], photos[0], *photos[700:]]
    model.remove(photos[1400])
    model.insert(model.index(photos[3]) + 1, photos[1400])
    assert order(album) == model


def test_the_next_upload_comes_behind_a_photo_that_was_moved_to_the_end(album):
    first, *_, last = fill(album, 3)
    move(album, [first.pk], Target())
    assert order(album)[-1] == first.pk

    [new] = fill(album, 1, position=moving.spacing.now())

    assert order(album)[-2:] == [first.pk, new.pk]
    assert last.pk in order(album)


def test_photos_in_the_trash_keep_their_place(album):
    photos = [photo.pk for photo in fill(album, 4)]
    Photo.objects.filter(pk=photos[1]).update(trashed_at=timezone.now())

    move(album, [photos[3]], Target(photos[2]))
    Photo.objects.update(trashed_at=None)

    assert order(album) == [photos[0], photos[1], photos[3], photos[2]]


def test_a_raw_follows_its_jpeg_and_returns_with_it(album):
    jpeg, raw, other = fill(album, 3)
    Photo.objects.filter(pk=raw.pk).update(shown_as=jpeg)
    before = dump()

    operation = move(album, [jpeg.pk], Target())

    assert order(album) == [other.pk, jpeg.pk]
    assert len(set(album.photos.exclude(pk=other.pk).values_list("position", flat=True))) == 1
    engine.undo(operation)
    assert dump() == before


def test_moving_switches_to_manual_order_and_undo_back(album):
    photos = fill(album, 3)
    Album.objects.update(sorted_by=SortedBy.NAME)
    before = dump()

    operation = move(album, [photos[0].pk], Target())

    album.refresh_from_db()
    assert album.sorted_by == SortedBy.MANUAL
    engine.undo(operation)
    assert dump() == before


def test_photos_of_other_albums_are_not_moved(album, their_album):
    own, their_photos = fill(album, 2), fill(their_album, 2)
    before = list(their_album.photos.values())

    operation = move(album, [their_photos[0].pk, own[0].pk], Target())

    assert operation.done == 1
    assert order(album) == [own[1].pk, own[0].pk]
    assert list(their_album.photos.values()) == before


def test_numbers_count_the_photos_that_are_shown(album):
    photos = fill(album, 4)
    Photo.objects.filter(pk=photos[0].pk).update(trashed_at=timezone.now())

    assert moving.number_of(photos[3]) == 3
    assert moving.nth(album, 1, photos[3]) == Target(photos[1].pk)
    assert moving.nth(album, 3, photos[1]) == Target(None)
    assert moving.nth(album, 99, photos[1]) == Target(None)


def test_the_number_of_queries_does_not_depend_on_the_album(album, their_album, django_assert_max_num_queries):
    counts = []
    for moved_in, size in ((album, 5), (their_album, 3_000)):
        photos = fill(moved_in, size)
        moved_in.photos.update(position=F("pk") * 1000)
        with django_assert_max_num_queries(30) as queries:
            move(moved_in, [photos[0].pk], Target(photos[size // 2].pk))
        counts.append(len(queries))

    assert counts[0] == counts[1]
