"""Undoing a move: where photos return to in an album that was arranged since, and the new album that they leave empty."""

import pytest
from django.urls import reverse

from albums import operations
from albums.models import Album, Operation
from albums.operations import engine
from albums.selection import Selection
from tests.albums.grid.filling import fill
from tests.albums.moving import library

pytestmark = pytest.mark.django_db


def names(album: Album) -> str:
    return "".join(album.photos.values_list("name", flat=True))


@pytest.fixture
def letters(album):
    """Photos named a to f, uploaded in the order cafbed."""
    return {
        name: fill(album, 1, position=place, upload_position=place, name=name)[0]
        for place, name in enumerate("cafbed", 1)
    }


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], "cafbed"),
        (["name"], "abcdef"),
        (["name", "uploaded"], "cafbed"),
        (["rating", "manual"], "decafb"),  # by hand, what returns comes last, in its former order
    ],
)
def test_photos_return_to_where_the_order_of_today_wants_them(owner, album, target, place, letters, orders, expected):
    moved = place("move", [letters[name] for name in "cafb"], target)
    for sorted_by in orders:
        operations.start(owner, "sort", {"album": album.pk, "sorted_by": sorted_by})

    assert engine.undo(moved).kept == 0
    assert names(album) == expected


def test_photos_return_to_their_places_among_those_that_were_not_moved_by_hand_since(
    owner, album, target, place, letters
):
    moved = place("move", [letters["f"]], target)
    params = {"selection": Selection((letters["d"].pk,)).to_json(), "photo": letters["c"].pk, "is_behind": False}
    operations.start(owner, "place", params | {"album": album.pk})

    engine.undo(moved)

    assert names(album) == "dcafbe"


def test_an_undone_sorting_does_not_matter(owner, album, target, place, letters):
    moved = place("move", [letters["f"]], target)
    engine.undo(operations.start(owner, "sort", {"album": album.pk, "sorted_by": "name"}))
    rows = list(album.photos.order_by("pk").values_list("pk", "position"))

    engine.undo(moved)

    assert names(album) == "cafbed"
    assert set(rows) <= set(album.photos.values_list("pk", "position"))


def test_a_photo_whose_date_was_edited_elsewhere_returns_to_its_new_place(owner, album, target, place, letters):
    operations.start(owner, "sort", {"album": album.pk, "sorted_by": "rating"})
    moved = place("move", [letters["b"]], target)
    operations.start(owner, "edit", {"changes": {"rating": {"set": 5}}}, Selection((letters["b"].pk,)))

    engine.undo(moved)

    assert names(album) == "bacdef"


@pytest.mark.parametrize("kind", ["move", "copy"])
def test_undoing_deletes_the_new_album_unless_it_is_used(
    client, owner, album, kind, django_capture_on_commit_callbacks
):
    client.force_login(owner)
    photo = library.photo(album, 1)
    before, files = library.rows(), library.files()
    for change in (None, {"title": "Naples"}, {"photo": 2}, {"child": "Venice"}):
        client.post(reverse(f"albums:selection-{kind}"), {"ids": photo.pk, "target": "new", "title": "Rome"})
        created = Album.objects.latest("pk")
        if change and "title" in change:
            Album.objects.filter(pk=created.pk).update(**change)
        elif change and "photo" in change:
            library.photo(created, change["photo"])
        elif change:
            Album.objects.create(title="Venice", owner=owner, parent=created)

        with django_capture_on_commit_callbacks(execute=True):
            engine.undo(Operation.objects.latest("pk"))

        assert Album.objects.filter(pk=created.pk).exists() == bool(change)
        if not change:
            assert (library.rows(), library.files()) == (before, files)
    assert album.photos.get() == photo
