"""Every action on albums, and that Undo restores all rows and files."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from albums.models import Album, Operation, Photo
from tests.albums.test_trash import files, rows

pytestmark = pytest.mark.django_db
COLUMNS = [field.attname for field in Album._meta.fields]


def state(data_dir) -> tuple[Any, ...]:
    albums = list(Album.objects.order_by("pk").values_list(*COLUMNS))
    photos = list(Photo.objects.order_by("pk").values())
    return albums, photos, files(data_dir)


def undo(client: Client) -> str:
    operation = Operation.objects.order_by("-pk").first()
    return client.post(f"/operations/{operation.pk}/undo/", follow=True).content.decode()


@pytest.fixture
def library(album, photo, owner, stranger, settings) -> dict[str, Album]:
    """Summer with a photo and Italy in it, in which Rome is; Winter, which is pinned; Old, which is archived."""
    italy = Album.objects.create(title="Italy", owner=owner, parent=album)
    rome = Album.objects.create(title="Rome", owner=owner, parent=italy)
    winter = Album.objects.create(title="Winter", owner=owner, pinned_at="2026-01-02T03:04:05.678Z")
    old = Album.objects.create(title="Old", owner=owner, archived_at="2026-01-02T03:04:05Z")
    return {"Summer": album, "Italy": italy, "Rome": rome, "Winter": winter, "Old": old}


ACTIONS = {
    "pin": ("pin", ["Summer", "Rome", "Winter"], {"on": "yes"}, "2 albums were pinned."),
    "unpin": ("pin", ["Winter"], {}, "Winter was unpinned."),
    "archive": ("archive", ["Summer"], {}, "Summer was archived."),
    "unarchive": ("archive", ["Old"], {}, "Old was moved out of the archive."),
    "move": ("move", ["Italy", "Winter"], {"to": "Old"}, "2 albums were moved to Old."),
    "move to the top": ("move", ["Rome"], {"to": "top"}, "Rome was moved to the top level."),
    "owner": ("owner", ["Italy"], {"owner": "stranger"}, "Italy was given to stranger."),
    "delete": ("delete", ["Summer", "Italy", "Old"], {}, "2 albums were moved to the trash."),
}


def test_undo_restores_all_rows_and_files(admin, library, data_dir):
    client = Client()
    client.force_login(admin)
    before = state(data_dir)

    for name, (action, titles, fields, summary) in ACTIONS.items():
        data = fields | {"album": [library[title].pk for title in titles]}
        data |= {"to": library[fields["to"]].pk} if fields.get("to") in library else {}
        page = client.post(f"/albums/selected/{action}/", data, follow=True).content.decode()

        assert summary in page, name
        assert state(data_dir) != before, name
        assert "Undone." in undo(client), name
        assert state(data_dir) == before, name


def test_undo_restores_title_description_and_cover(signed_in, library, photo, data_dir):
    album = library["Summer"]
    before = state(data_dir)

    page = signed_in.post(f"/albums/{album.pk}/edit/", {"title": "Sea", "description": "By train."}, follow=True)
    assert ("Sea was changed." in page.content.decode(), Album.objects.get(pk=album.pk).description) == (
        True,
        "By train.",
    )
    signed_in.post(f"/photos/{photo.pk}/cover/")
    assert Album.objects.get(pk=album.pk).cover == photo
    for operation in Operation.objects.order_by("-pk"):
        signed_in.post(f"/operations/{operation.pk}/undo/")

    assert state(data_dir) == before


def test_undo_keeps_what_another_user_has_changed_since(signed_in, library):
    album = library["Summer"]
    signed_in.post(f"/albums/{album.pk}/edit/", {"title": "Sea", "description": ""})
    Album.objects.filter(pk=album.pk).update(title="Mountains")

    page = undo(signed_in)

    assert "1 stayed as it is: it has changed since" in page
    assert Album.objects.get(pk=album.pk).title == "Mountains"


def test_undo_keeps_an_album_that_was_moved_again_since(signed_in, library):
    signed_in.post("/albums/selected/move/", {"album": library["Rome"].pk, "to": "top"})
    signed_in.post("/albums/selected/move/", {"album": library["Rome"].pk, "to": library["Old"].pk})
    first = Operation.objects.order_by("pk").first()

    page = signed_in.post(f"/operations/{first.pk}/undo/", follow=True).content.decode()

    assert "1 stayed as it is: it has changed since" in page
    assert Album.objects.get(title="Rome").parent == library["Old"]


def test_a_cover_is_replaced_by_the_first_photo_while_it_is_not_in_the_album(signed_in, album):
    first, chosen = rows(album, 2)

    response = signed_in.post("/selection/cover/", {"photo": chosen.pk})
    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/")
    assert cover_of(signed_in) == chosen
    signed_in.post(f"/photos/{chosen.pk}/delete/")
    assert cover_of(signed_in) == first
    signed_in.post(f"/photos/{chosen.pk}/put-back/")
    assert cover_of(signed_in) == chosen
    other = Album.objects.create(title="Other", owner=album.owner)
    Photo.objects.filter(pk=chosen.pk).update(album=other)
    assert cover_of(signed_in, album) == first


def cover_of(client: Client, album: Album | None = None) -> Photo | None:
    cards = client.get("/albums/").context["cards"]
    return next(card.cover for card in cards if album in (None, card.album))


def test_a_cover_is_exactly_one_photo_of_the_users(signed_in, others, album):
    photos = rows(album, 2)

    for client, data, status in (
        (signed_in, {"photo": [photo.pk for photo in photos]}, 422),
        (signed_in, {}, 422),
        (others, {"photo": photos[0].pk}, 404),
    ):
        assert client.post("/selection/cover/", data).status_code == status
    assert Album.objects.get().cover is None


def test_undo_takes_an_album_back_only_with_the_permission_to_give_it_away(client, owner, stranger, album, caplog):
    for codename, new_owner in (("change_album", stranger), ("delete_album", owner)):
        owner.user_permissions.add(Permission.objects.get(codename=codename))
        Album.objects.update(owner=owner)
        client.force_login(owner)
        client.post("/albums/selected/owner/", {"album": album.pk, "owner": "stranger"})
        caplog.clear()
        caplog.set_level("INFO", "darkroom.security")

        undo(client)

        assert Album.objects.get().owner == new_owner
        assert ("album-given-away" in caplog.text) == (new_owner == owner)
