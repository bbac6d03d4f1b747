"""Requests on a selection: move, copy and delete, for every kind of visitor."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from albums.models import Album, Operation, Photo
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db
MOVE, COPY, DELETE, TARGETS = (reverse(f"albums:selection-{name}") for name in ("move", "copy", "delete", "targets"))


@pytest.fixture
def signed_in(client, owner) -> Client:
    client.force_login(owner)
    return client


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_a_selection_is_moved_and_the_move_undone_from_the_toast(signed_in, album, target):
    first, second = fill(album, 2)

    page = signed_in.post(MOVE, {"album": album.pk, "photo": [first.pk], "target": target.pk}, follow=True)

    assert page.redirect_chain == [(album.get_absolute_url(), 302)]
    assert f'1 photo was moved to <a href="{target.get_absolute_url()}">Rome</a>.' in text(page)
    assert (list(album.photos.all()), list(target.photos.all())) == ([second], [first])
    signed_in.post(reverse("albums:undo", args=[Operation.objects.get().pk]))
    assert set(album.photos.all()) == {first, second}


def test_all_photos_but_one_are_moved_to_a_new_album(signed_in, owner, album):
    unselected, *moved = fill(album, 3)
    fields = {"album": album.pk, "all": "1", "except": unselected.pk, "target": "new", "title": "Naples"}

    signed_in.post(MOVE, fields)

    naples = Album.objects.get(title="Naples")
    assert (naples.owner, list(naples.photos.all()), album.photos.get()) == (owner, moved, unselected)


def test_undo_on_the_page_of_the_new_album_leads_to_the_list_of_albums(signed_in, album):
    photo = fill(album, 1)[0]
    signed_in.post(MOVE, {"ids": photo.pk, "target": "new", "title": "Naples"})
    page = Album.objects.get(title="Naples").get_absolute_url()
    undo = f"/operations/{Operation.objects.get().pk}/undo/"

    response = signed_in.post(undo, {"next": page})

    assert (response.status_code, response["Location"]) == (302, "/albums/")
    assert not Album.objects.filter(title="Naples").exists()


@pytest.mark.parametrize("url", [MOVE, COPY])
def test_without_a_target_the_page_offers_the_albums_and_keeps_the_selection(
    signed_in, album, target, their_album, url
):
    photo = fill(album, 1)[0]

    for page in (signed_in.get(url, {"album": album.pk, "photo": photo.pk}), signed_in.post(url, {"ids": photo.pk})):
        assert page.status_code == 200
        assert f'<input type="hidden" name="ids" value="{photo.pk}">' in text(page)
        assert f'value="{target.pk}" required' in text(page)
        assert f'value="{their_album.pk}" required' not in text(page)


def test_a_new_album_needs_a_title(signed_in, album):
    photo = fill(album, 1)[0]

    page = signed_in.post(MOVE, {"ids": photo.pk, "target": "new", "title": " "})

    assert (page.status_code, "Enter a title for the new album." in text(page)) == (422, True)
    assert Album.objects.count() == 1


def test_the_albums_used_last_come_first_and_are_found_by_their_title(signed_in, owner, album, target):
    photo = fill(album, 1)[0]
    Album.objects.create(title="Naples", owner=owner, parent=target)
    signed_in.post(MOVE, {"ids": photo.pk, "target": target.pk})

    page = text(signed_in.get(TARGETS, {"album": album.pk}))
    assert page.index("Rome</span>") < page.index("Naples</span>")
    assert ("Rome · 0 photos" in page, "used recently" in page, "Summer" in page) == (True, True, False)
    assert "Rome</span>" not in text(signed_in.get(TARGETS, {"find": "nap"}))
    Album.objects.bulk_create(Album(title=f"Naples {number}", owner=owner) for number in range(30))
    assert "Search to find other albums." in text(signed_in.get(TARGETS))
    assert "No album title contains “xyz”." in text(signed_in.get(TARGETS, {"find": "xyz"}))


@pytest.mark.parametrize("url", [MOVE, COPY])
def test_albums_of_others_and_in_the_trash_are_no_targets(signed_in, album, target, their_album, url):
    photo = fill(album, 1)[0]
    Album.objects.filter(pk=target.pk).update(trashed_at=photo.created_at)

    for pk in (their_album.pk, target.pk, 4711, "x", 10**30):
        assert signed_in.post(url, {"ids": photo.pk, "target": pk}).status_code == 404
    assert album.photos.get() == photo


def test_photos_of_others_cannot_be_selected(signed_in, target, their_album):
    photo = fill(their_album, 1)[0]

    for url, fields in ((MOVE, {"target": target.pk}), (COPY, {"target": target.pk}), (DELETE, {})):
        response = signed_in.post(url, {"ids": photo.pk, **fields})
        assert (response.status_code, response["X-Error-Code"]) == (422, "nothing-selected")
    assert their_album.photos.shown().get() == photo


@pytest.mark.parametrize("url", [MOVE, COPY, DELETE])
def test_a_request_without_a_selection_is_rejected(signed_in, url):
    response = signed_in.post(url, {"target": "new", "title": "Naples"})

    assert (response.status_code, response["X-Error-Code"]) == (422, "nothing-selected")
    assert Album.objects.count() == 0


def test_a_selection_is_moved_to_the_trash_and_restored_from_the_toast(signed_in, album):
    first, second, third = fill(album, 3)
    raw = fill(album, 1, shown_as=first)[0]

    page = signed_in.post(DELETE, {"album": album.pk, "ids": f"{first.pk},{third.pk}"}, follow=True)

    assert "2 photos were moved to the" in text(page)
    assert (list(album.photos.shown()), set(album.photos.trashed())) == ([second], {first, third, raw})
    album.photos.filter(pk=third.pk).update(trashed_at=None)  # restored meanwhile
    undone = signed_in.post(reverse("albums:undo", args=[Operation.objects.get().pk]), follow=True)
    assert "Undone. 1 stayed as it is" in text(undone)
    assert album.photos.trashed().count() == 0


def test_without_a_trash_deletion_is_confirmed_first(signed_in, album, settings):
    settings.TRASH_DAYS = 0
    fill(album, 3)
    fields = {"album": album.pk, "all": "1"}

    page = text(signed_in.post(DELETE, fields))
    assert ("Delete 3 photos permanently?" in page, "3 bytes" in page, album.photos.count()) == (True, True, 3)

    confirmed = re.search(r'name="confirmed" value="([^"]+)"', page)[1]
    fill(album, 1)  # after the page has counted
    asked_again = signed_in.post(DELETE, fields | {"confirmed": confirmed})
    assert ("Delete 4 photos permanently?" in text(asked_again), album.photos.count()) == (True, 4)
    album.photos.last().delete()

    done = signed_in.post(DELETE, fields | {"confirmed": confirmed}, follow=True)
    assert ("3 photos were deleted permanently." in text(done), 'class="undo"' in text(done)) == (True, False)
    assert Photo.objects.count() == 0


@pytest.mark.parametrize("url", [MOVE, DELETE])
def test_photos_of_others_need_the_permission_to_delete_them(client, stranger, album, their_album, url, settings):
    photo = fill(album, 1)[0]
    stranger.user_permissions.add(Permission.objects.get(codename="change_album"))
    client.force_login(stranger)
    fields = {"ids": photo.pk, "target": their_album.pk}

    assert client.post(url, fields).status_code == 403
    stranger.user_permissions.add(Permission.objects.get(codename="delete_photo"))
    assert client.post(url, fields).status_code == 302
    assert album.photos.shown().count() == 0


def test_the_album_page_has_checkboxes_only_when_selecting(signed_in, album):
    photo = fill(album, 1)[0]

    page = text(signed_in.get(album.get_absolute_url()))
    assert ('class="tile__check"' in page, "selection-form" in page) == (False, True)
    selecting = text(signed_in.get(album.get_absolute_url(), {"select": "1"}))
    check = f'<input class="tile__check" type="checkbox" name="photo" value="{photo.pk}" form="selection-form"'
    assert check in selecting


def test_no_album_is_created_for_photos_of_others(signed_in, their_album):
    photo = fill(their_album, 1)[0]

    for url in (MOVE, COPY):
        assert signed_in.post(url, {"photo": photo.pk, "target": "new", "title": "Naples"}).status_code == 422
    assert Album.objects.get() == their_album


def test_a_long_text_to_find_is_cut_off(signed_in, album, target):
    photo = fill(album, 1)[0]
    assert signed_in.post(MOVE, {"photo": photo.pk, "find": "Rome" * 20_000 + "\0"}).status_code == 200
