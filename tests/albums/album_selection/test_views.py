"""Requests with selected albums: which are accepted, and what they may do. Undo is tested in album_edits/test_actions.py."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from albums.album_selection import selection
from albums.models import Album, Operation, Photo
from tests.albums.test_trash import rows

pytestmark = pytest.mark.django_db
ACTIONS = ("pin", "archive", "move", "owner", "delete")


def state() -> list[tuple[object, ...]]:
    return list(
        Album.objects.order_by("pk").values_list("pk", "owner", "parent", "pinned_at", "archived_at", "trashed_at")
    )


def user_with(*codenames: str) -> Client:
    user = User.objects.create_user("keeper", password="a fine password")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_a_request_without_a_valid_selection_is_rejected(signed_in, album, monkeypatch):
    monkeypatch.setattr(selection, "MAX_ALBUMS", 2)
    codes = {"nothing-selected": [], "selection-invalid": ["x"], "selection-too-large": ["1"] * 3}

    for code, albums in codes.items():
        response = signed_in.post("/albums/selected/pin/", {"album": albums})
        assert (response.status_code, response["X-Error-Code"]) == (422, code)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"Summer", "Roman baths", "Winter"}),
        ({"except": "{Winter}"}, {"Summer", "Roman baths"}),
        ({"filter_q": "rom"}, {"Roman baths", "Rome"}),
        ({"filter_show": "archived"}, {"Old"}),
        ({"filter_inside": "{Summer}"}, {"Rome"}),
        ({"album": "{Rome}"}, {"Summer", "Roman baths", "Winter"}),
    ],
)
def test_all_albums_of_a_list_are_selected(signed_in, album, owner, their_album, fields, expected):
    Album.objects.create(title="Rome", owner=owner, parent=album)
    Album.objects.create(title="Old", owner=owner, archived_at="2026-01-02T03:04:05Z")
    Album.objects.bulk_create(Album(title=title, owner=owner) for title in ("Roman baths", "Winter"))
    ids = dict(Album.objects.values_list("title", "pk"))

    fields = {name: value.format(**ids) for name, value in fields.items()}
    signed_in.post("/albums/selected/pin/", {"all": "1", **fields, "on": "yes"})

    assert set(Album.objects.exclude(pinned_at=None).values_list("title", flat=True)) == expected


def test_forms_repeat_what_all_means(signed_in, album, owner):
    Album.objects.bulk_create(Album(title=f"Rome {number}", owner=owner) for number in range(1500))
    fields = {"all": "1", "filter_q": "rome", "except": str(Album.objects.get(title="Rome 7").pk)}

    page = signed_in.post("/albums/selected/move/", fields)

    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.content.decode()))
    assert fields.items() <= hidden.items()
    signed_in.post("/albums/selected/move/", hidden | {"to": album.pk})
    assert (album.children.count(), Operation.objects.get().done) == (1499, 1499)
    for pk in Operation.objects.values_list("pk", flat=True):
        signed_in.post(f"/operations/{pk}/undo/")
    assert album.children.count() == 0


def test_albums_of_others_do_not_exist_and_are_left_out(signed_in, album, their_album):
    before = state()
    for action in ACTIONS:
        assert signed_in.post(f"/albums/selected/{action}/", {"album": their_album.pk, "to": "top"}).status_code == 404
    assert state() == before

    signed_in.post("/albums/selected/archive/", {"album": [album.pk, their_album.pk]})

    assert (Album.objects.get(pk=album.pk).archived_at is None, Album.objects.get(pk=their_album.pk).archived_at) == (
        False,
        None,
    )


def test_albums_cannot_be_moved_to_an_album_of_another_user_or_into_themselves(signed_in, admin, album, their_album):
    admin_client = Client()
    admin_client.force_login(admin)
    data = {"album": album.pk, "to": their_album.pk}

    assert signed_in.post("/albums/selected/move/", data).status_code == 404
    response = admin_client.post("/albums/selected/move/", data)
    assert (response.status_code, response["X-Error-Code"]) == (422, "other-owner")
    response = signed_in.post("/albums/selected/move/", {"album": album.pk, "to": album.pk})
    assert (response.status_code, response["X-Error-Code"]) == (422, "inside-itself")
    assert (Album.objects.exclude(parent=None).count(), Operation.objects.count()) == (0, 0)


def test_the_page_for_moving_offers_the_albums_that_can_be_moved_to(signed_in, album, owner, their_album):
    inside = Album.objects.create(title="Inside", owner=owner, parent=album)
    target = Album.objects.create(title="Target", owner=owner)
    below = Album.objects.create(title="Below", owner=owner, parent=target)

    page = signed_in.post("/albums/selected/move/", {"album": album.pk}).content.decode()

    offered = [f'name="to" value="{pk}"' in page for pk in (target.pk, below.pk, album.pk, inside.pk, their_album.pk)]
    assert (offered, "Top level" in page) == ([True, True, False, False, False], False)
    targets = signed_in.post("/albums/selected/move/", {"album": inside.pk, "q": "BEL"}).context["targets"]
    assert [(row.album, row.path) for row in targets] == [(below, "Target")]


def test_the_owner_is_changed_only_by_users_who_may_change_and_delete_any_album(signed_in, album, stranger, caplog):
    data = {"album": album.pk, "owner": "stranger"}
    changer = user_with("change_album")

    assert signed_in.post("/albums/selected/owner/", data).status_code == 404
    assert changer.post("/albums/selected/owner/", data).status_code == 403
    User.objects.get(username="keeper").user_permissions.add(Permission.objects.get(codename="delete_album"))
    assert changer.post("/albums/selected/owner/", data | {"owner": "nobody"}).status_code == 422
    caplog.set_level("INFO", "darkroom.security")
    assert changer.post("/albums/selected/owner/", data).status_code == 302
    assert Album.objects.get(pk=album.pk).owner == stranger
    assert "album-given-away" in caplog.text


def test_only_users_with_the_permission_delete_albums_of_others(album, caplog):
    changer = user_with("change_album")

    assert changer.post("/albums/selected/delete/", {"album": album.pk}).status_code == 403
    assert Album.objects.trashed().count() == 0
    User.objects.get(username="keeper").user_permissions.add(Permission.objects.get(codename="delete_album"))
    caplog.set_level("INFO", "darkroom.security")
    assert changer.post("/albums/selected/delete/", {"album": album.pk}).status_code == 302
    assert Album.objects.trashed().get() == album
    assert "album-trashed" in caplog.text


def test_without_a_trash_a_page_asks_with_counts_and_bytes(signed_in, album, owner, settings):
    settings.TRASH_DAYS = 0
    rows(Album.objects.create(title="Inside", owner=owner, parent=album), 2)
    Photo.objects.update(original_bytes=3 << 20)

    page = signed_in.post("/albums/selected/delete/", {"album": album.pk}).content.decode()
    assert " ".join(["2", "albums", "with", "2", "photos", "(6.0", "MB)"]) in " ".join(page.split())
    assert Album.objects.count() == 2
    confirmed = re.search(r'name="confirmed" value="([^"]+)"', page)[1]
    late = Album.objects.create(title="Late", owner=owner, parent=album)
    asked_again = signed_in.post("/albums/selected/delete/", {"album": album.pk, "confirmed": confirmed})
    assert ("3 albums" in asked_again.content.decode(), Album.objects.count()) == (True, 3)
    late.delete()
    signed_in.post("/albums/selected/delete/", {"album": album.pk, "confirmed": confirmed})

    assert (Album.objects.count(), Photo.objects.count()) == (0, 0)


def test_nul_in_a_name_or_title_finds_nothing(admin, album):
    client = Client()
    client.force_login(admin)

    assert client.post("/albums/selected/owner/", {"album": album.pk, "owner": "a\0"}).status_code == 422
    assert client.post("/albums/selected/move/", {"album": album.pk, "q": "a\0"}).status_code == 200
    assert client.get("/selection/a%00/download/").status_code == 404
