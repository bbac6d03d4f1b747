"""Selections: which photos the fields of a request mean."""

import pytest
from django.http import QueryDict
from django.utils import timezone

from albums.models import Album, Photo
from albums.selection import Selection, SelectionError
from albums.selection.selection import MAX_IDS
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db


def test_photos_by_id(album):
    photos = fill(album, 3)
    selection = Selection.parse(QueryDict(f"photo={photos[0].pk}&ids={photos[2].pk},{photos[0].pk}"))
    assert set(selection.photos(album.owner)) == {photos[0], photos[2]}


def test_all_of_an_album_except_some(album):
    photos = fill(album, 3)
    selection = Selection.parse(QueryDict(f"all=1&album={album.pk}&except={photos[1].pk}"))
    assert list(selection.photos(album.owner)) == [photos[0], photos[2]]


def test_photos_in_the_trash_and_of_others_are_not_selected(album, django_user_model):
    own, trashed = fill(album, 2)
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())
    stranger = Album.objects.create(title="Other", owner=django_user_model.objects.create_user("stranger"))
    their_photo = fill(stranger, 1)[0]

    ids = Selection((own.pk, trashed.pk, their_photo.pk))
    assert list(ids.photos(album.owner)) == [own]
    assert not Selection(is_all=True, album_id=stranger.pk).photos(album.owner).exists()


@pytest.mark.parametrize("fields", ["ids=4,1", "all=1&album=7&except=3,2", "all=1&album=7"])
def test_fields_and_json_give_the_same_selection(fields):
    selection = Selection.parse(QueryDict(fields))
    again = QueryDict(mutable=True)
    again.update(dict(selection.fields()))
    assert Selection.parse(again) == selection == Selection.from_json(selection.to_json())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("", "nothing-selected"),
        ("all=1", "selection-invalid"),
        ("ids=1,x", "selection-invalid"),
        ("photo=-1", "selection-invalid"),
        (f"photo={2**63}", "selection-invalid"),
        ("all=1&album=²", "selection-invalid"),
        ("ids=" + ",".join(map(str, range(MAX_IDS + 1))), "selection-too-large"),
    ],
)
def test_invalid_fields_have_a_code(fields, code):
    with pytest.raises(SelectionError) as caught:
        Selection.parse(QueryDict(fields))
    assert caught.value.code == code


def test_album_0_does_not_mean_all_albums():
    with pytest.raises(SelectionError):
        Selection.parse(QueryDict("all=1&album=0"))


def test_a_query_is_kept_as_far_as_it_is_read():
    fields = QueryDict(mutable=True)
    fields.update({"all": "1", "q": "a\0" * 1_000_000})
    assert Selection.parse(fields).query == "a " * 500
