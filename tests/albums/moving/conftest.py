import pytest

from albums import operations
from albums.models import Album, Operation, Photo
from albums.operations import engine
from albums.selection import Selection


@pytest.fixture
def target(owner) -> Album:
    return Album.objects.create(title="Rome", owner=owner)


@pytest.fixture
def small_steps(monkeypatch) -> None:
    """Steps have two photos."""
    monkeypatch.setattr(engine, "STEP_PHOTOS", 2)


@pytest.fixture
def place(owner):
    """Moves or copies photos, of all of an album."""

    def start(kind: str, photos: list[Photo] | Album, target: Album, user=owner) -> Operation:
        if isinstance(photos, Album):
            selection = Selection(is_all=True, album_id=photos.pk)
        else:
            selection = Selection(tuple(photo.pk for photo in photos))
        duplicates = selection.photos(user).filter(album=target).count()
        return operations.start(user, kind, {"album": target.pk, "known": duplicates}, selection)

    return start
