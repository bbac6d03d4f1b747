"""Two users move and delete the same photos while a worker adds others, on real connections."""

import threading
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F

from albums import operations
from albums.models import Album, PerceptualHash, Photo
from albums.operations import engine
from albums.order import spacing
from albums.selection import Selection, SelectionError
from processing.lib import sql
from tests.albums.grid.filling import fill
from tests.support import simultaneously

PHOTOS = 12


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer: nothing happens at the same time")
@pytest.mark.django_db(transaction=True)
def test_simultaneous_moves_deletions_and_arrivals_lose_nothing(monkeypatch):
    monkeypatch.setattr(engine, "STEP_PHOTOS", 4)
    monkeypatch.setattr(engine, "REQUEST_SECONDS", 600)
    users = [User.objects.create_superuser(name) for name in ("first", "second")]
    source, *targets = (Album.objects.create(title=title, owner=users[0]) for title in ("Source", "Rome", "Naples"))
    photos = fill(source, PHOTOS)
    PerceptualHash.objects.bulk_create(
        PerceptualHash(photo=photo, album=source, first=1, second=2, third=3, fourth=4) for photo in photos
    )
    everything = Selection(tuple(photo.pk for photo in photos))
    barrier = threading.Barrier(4, timeout=300)

    def move(user: User, target: Album) -> None:
        barrier.wait()
        for _ in range(2):
            with suppress(SelectionError):  # all photos are in the trash at this moment
                engine.undo(operations.start(user, "move", {"album": target.pk, "known": 0}, everything))
                operations.start(user, "move", {"album": target.pk, "known": 0}, everything)

    def delete() -> None:
        barrier.wait()
        for _ in range(2):
            engine.undo(operations.start(users[0], "delete", {}, everything))

    def arrive() -> None:
        """Locks the album before its photos, as a worker that groups them."""
        barrier.wait()
        for _ in range(4):
            with transaction.atomic():
                sql.lock_album(targets[0].pk, no_key=True)
                list(Photo.objects.filter(album=targets[0]).select_for_update())
                fill(targets[0], 1, position=spacing.now())

    simultaneously.run(lambda: move(users[0], targets[0]), lambda: move(users[1], targets[1]), delete, arrive)

    assert Photo.objects.filter(pk__in=everything.ids, trashed_at=None).count() == PHOTOS
    assert PerceptualHash.objects.exclude(album=F("photo__album")).count() == 0
    for album in (source, *targets):
        positions = list(album.photos.values_list("position", flat=True))
        assert len(set(positions)) == len(positions)
