"""Undoing restores all rows and files, for every registered action. An action without a case here fails."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from albums import operations
from albums.columns import orientation
from albums.models import Album, Operation, Photo, Rendition
from albums.operations import actions, engine
from albums.selection import Selection
from processing.rendering import presets
from tests.albums.grid.filling import taken
from tests.albums.moving import library

pytestmark = pytest.mark.django_db
OF_OPERATIONS = ("FormerPosition",)
"""Rows that belong to operations. They are deleted with them."""


class World:
    """An album with a RAW and JPEG pair, a sidecar, edited photos and a cover; another one, and one inside it."""

    def __init__(self, owner: User) -> None:
        self.owner = owner
        self.album = Album.objects.create(title="Summer", owner=owner, sorted_by="taken")
        self.target = Album.objects.create(title="Rome", owner=owner, pinned_at="2026-01-02T03:04:05.678Z")
        self.inside = Album.objects.create(title="Forum", owner=owner, parent=self.target)
        self.photos = [
            library.pair(self.album, 10)[0],
            library.photo(self.album, 30, edited_rating=4, edited_keywords=["sea"], title="Roof"),
            library.photo(self.album, 20, orientation=6, edited_title="Door", alt_text="A door"),
        ]
        self.album.photos.filter(position=11).update(position=10)  # a RAW has the position of its JPEG
        for photo in self.album.photos.all():
            Photo.objects.filter(pk=photo.pk).update(taken_at=taken(f"2025-06-{photo.position}T12:00"))
        Photo.objects.update(width=800, height=600)  # which has the renditions that library.photo() stores
        Rendition.objects.update(recipe=presets.current().identifier)
        recipe = orientation.marked(presets.current().identifier, 6)
        Rendition.objects.filter(photo=self.photos[2]).update(recipe=recipe)
        library.photo(self.target, 40)
        Album.objects.filter(pk=self.album.pk).update(cover=self.photos[0])

    def on_photos(self, kind: str, *photos: Photo, **params: Any) -> Operation:
        """On the photos, or on all of the album."""
        chosen = (
            Selection(tuple(photo.pk for photo in photos)) if photos else Selection(is_all=True, album_id=self.album.pk)
        )
        return operations.start(self.owner, kind, params, chosen)

    def on_albums(self, kind: str, *albums: Album, **params: Any) -> Operation:
        return operations.start(self.owner, kind, {"albums": [album.pk for album in albums], "title": "", **params})

    def placed(self, kind: str) -> Operation:
        return self.on_photos(kind, album=self.target.pk, known=0)

    def given_away(self) -> Operation:
        new_owner = User.objects.get(username="stranger")
        return self.on_albums("album-owner", self.album, self.inside, owner=new_owner.pk, owner_name="stranger")


CHANGES = {
    "title": {"set": "Port"},
    "caption": {"reset": True},
    "keywords": {"add": ["boat"], "remove": ["sea"]},
    "rating": {"set": 5},
    "location": {"set": [51.5, 0.25]},
    "date": {"set": ["2023-01-02T03:04:05", 60]},
}
FIELDS = {"title": "Sea", "description": "By train."}
CASES: dict[str, Callable[[World], Operation]] = {
    "move": lambda world: world.placed("move"),
    "copy": lambda world: world.placed("copy"),
    "delete": lambda world: world.on_photos("delete"),
    "edit": lambda world: world.on_photos("edit", changes=CHANGES),
    "rotate": lambda world: world.on_photos("rotate", turn="right"),
    "keep-similar": lambda world: world.on_photos("keep-similar", *world.photos[:2], set=str(uuid4())),
    "sort": lambda world: operations.start(world.owner, "sort", {"album": world.album.pk, "sorted_by": "rating"}),
    "place": lambda world: operations.start(
        world.owner,
        "place",
        {
            "album": world.album.pk,
            "selection": Selection((world.photos[0].pk,)).to_json(),
            "photo": world.photos[1].pk,
            "is_behind": True,
        },
    ),
    "cover": lambda world: world.on_albums("cover", world.album, photo=world.photos[1].pk),
    "album-edit": lambda world: world.on_albums("album-edit", world.album, values=FIELDS),
    "pin": lambda world: world.on_albums("pin", world.album, world.target, world.inside, on=True),
    "archive": lambda world: world.on_albums("archive", world.album, world.inside, on=True),
    "album-owner": World.given_away,
    "album-move": lambda world: world.on_albums("album-move", world.album, world.inside, parent=None, parent_title=""),
    "album-delete": lambda world: world.on_albums("album-delete", world.album, world.target),
}


@pytest.fixture(autouse=True)
def many_steps(monkeypatch) -> None:
    """Steps have one photo each; all are run in the request."""
    for action in actions.registered():
        monkeypatch.setattr(action, "step_photos", 1)
    monkeypatch.setattr(engine, "REQUEST_SECONDS", 600.0)


@pytest.fixture
def state(data_dir: Path) -> Callable[[], Any]:
    """Returns all rows but those of operations, and the checksums of all files."""

    def read() -> Any:
        rows = {name: values for name, values in library.rows().items() if name not in OF_OPERATIONS}
        return rows, {key: hashlib.sha256((data_dir / key).read_bytes()).digest() for key in library.files()}

    return read


def differences(before: Any, after: Any) -> list[Any]:
    """Returns the rows and files that are in one state only."""
    (rows_before, files_before), (rows_after, files_after) = before, after
    changed = [
        [row for row in rows_before[name] if row not in rows] + [row for row in rows if row not in rows_before[name]]
        for name, rows in rows_after.items()
    ]
    return [rows for rows in changed if rows] + sorted(files_before.items() ^ files_after.items())


@pytest.mark.parametrize("kind", CASES)
def test_undoing_restores_all_rows_and_files(owner, stranger, admin, kind, state, django_capture_on_commit_callbacks):
    world = World(admin if kind == "album-owner" else owner)
    before = state()
    with django_capture_on_commit_callbacks(execute=True):
        operation = CASES[kind](world)
    assert (operation.kind, operation.state) == (kind, "done")
    assert state() != before

    with django_capture_on_commit_callbacks(execute=True):
        undone = engine.undo(operation)

    assert (undone.state, undone.kept) == ("undone", 0)
    assert differences(before, state()) == []


@pytest.mark.once
def test_every_action_that_can_be_undone_has_a_case():
    assert CASES.keys() == {action.kind for action in actions.registered() if action.is_undoable}
