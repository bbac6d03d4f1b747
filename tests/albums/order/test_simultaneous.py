"""Two users move photos of one album at the same time, on real connections."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from albums import operations
from albums.models import Album, Photo
from albums.order import placing, spacing
from albums.selection import Selection
from tests.albums.grid.filling import fill
from tests.albums.order.rows import order
from tests.support import simultaneously

MOVES = 12


@pytest.mark.django_db(transaction=True)
def test_simultaneous_moves_and_arrivals_lose_nothing():
    owner = User.objects.create_superuser("owner")
    album = Album.objects.create(title="Summer", owner=owner)
    photos = [photo.pk for photo in fill(album, 30)]
    left, right, anchor = photos[:10], photos[20:], photos[15]
    barrier = threading.Barrier(3, timeout=300)

    def move(own: list[int], *, is_behind: bool) -> None:
        barrier.wait()
        for turn in range(MOVES):
            where = {"photo": anchor, "is_behind": is_behind}
            params = {"album": album.pk, "selection": Selection((own[turn % len(own)],)).to_json()}
            operations.start(owner, "place", params | where)

    def arrive() -> None:
        barrier.wait()
        for _ in range(MOVES):
            with transaction.atomic():
                [photo] = fill(album, 1, position=spacing.now())
                placing.place(album.pk, [photo.pk])

    simultaneously.run(lambda: move(left, is_behind=False), lambda: move(right, is_behind=True), arrive)

    # Each thread's photos are as it moved them last, in spite of the others.
    shown = order(album)
    index = shown.index(anchor)
    assert set(shown) >= set(photos)
    assert len(shown) == len(photos) + MOVES
    assert len(set(Photo.objects.values_list("position", flat=True))) == len(shown)
    assert shown[index - 10 : index] == [*left[2:], *left[:2]]
    assert shown[index + 1 : index + 11] == [*right[2:], *right[:2]][::-1]
