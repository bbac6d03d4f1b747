"""Deleted albums: what a user sees of them and can do with them."""

import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from albums import album_trash
from albums.models import Album, Companion, Operation, Photo
from processing.capacity import admission
from processing.models import Upload
from processing.rendering import worker
from tests import stack
from tests.journeys.test_trash import photos, read
from tests.journeys.uploads.form_client import picked, send
from tests.journeys.uploads.tus_client import create, patch, path_of
from tests.processing import making

pytestmark = pytest.mark.django_db
ALBUMS_IN_TRASH = "/trash/?kind=albums"
__all__ = ["photos"]


@pytest.fixture
def photo(album, django_capture_on_commit_callbacks) -> Photo:
    making.received(album, making.jpeg((500, 400)))
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    return album.photos.get()


def status(client: Client, address: str) -> int:
    response = client.get(address)
    response.getvalue()  # reads a file to its end, which closes it
    return response.status_code


def page_text(response) -> str:
    return " ".join(response.content.decode().split())


def test_the_delete_page_says_where_the_album_goes_and_for_how_long(signed_in, album, photos, settings):
    settings.TRASH_DAYS = 7
    page = read(signed_in, f"/albums/{album.pk}/delete/")
    assert "and its 3 photos will be moved to the trash." in page
    assert "You can restore the album for 7 days; after that it is deleted permanently." in page
    assert ("Move to trash" in page, "be undone" in page) == (True, False)

    settings.TRASH_DAYS = 0
    page = read(signed_in, f"/albums/{album.pk}/delete/")
    assert "and its 3 photos will be deleted, originals included." in page
    assert ("Move to trash" in page, "be undone" in page) == (False, True)


def test_a_deleted_album_is_in_the_trash_and_can_be_restored_with_one_click(signed_in, album, photos):
    response = signed_in.post(f"/albums/{album.pk}/delete/", follow=True)

    page = page_text(response)
    assert response.redirect_chain == [("/albums/", 302)]
    assert "Summer was moved to the trash." in page
    undo = f"/operations/{Operation.objects.get().pk}/undo/"
    assert (f'action="{undo}"' in page, f'href="/albums/{album.pk}/"' in page) == (True, False)

    response = signed_in.post(undo, {"next": "/albums/"}, follow=True)

    assert response.redirect_chain == [("/albums/", 302)]
    assert ("Undone." in page_text(response), f'href="/albums/{album.pk}/"' in page_text(response)) == (True, True)
    assert album.photos.shown().count() == 3


def test_the_undo_form_in_the_message_passes_the_csrf_check(owner, album):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.get(f"/albums/{album.pk}/delete/")
    token = client.cookies["csrftoken"].value
    page = client.post(f"/albums/{album.pk}/delete/", {"csrfmiddlewaretoken": token}, follow=True).content.decode()
    undo = page.split('class="undo"')[1].split("</form>")[0]
    address = f"/operations/{Operation.objects.get().pk}/undo/"
    form_token = undo.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

    assert client.post(address).status_code == 403
    assert client.post(address, {"csrfmiddlewaretoken": form_token}).status_code == 302
    assert Album.objects.trashed().count() == 0


def test_pages_of_a_deleted_album_say_so_and_offer_to_restore_it(signed_in, album, photos):
    day = timezone.now() + timedelta(days=30)
    album_trash.move_to_trash(album)

    for address in ("", "edit/", "delete/", "trash/"):
        response = signed_in.get(f"/albums/{album.pk}/{address}")
        page = page_text(response)
        assert response.status_code == 404
        assert "This album is in the trash" in page
        assert f'action="/albums/{album.pk}/restore/"' in page
        assert f"{day.day} {day:%B %Y}" in page
    assert "This album is in the trash" in page_text(signed_in.get(f"/photos/{photos[0].pk}/"))
    assert "This album is in the trash" in page_text(signed_in.get(f"/batches/{Upload.objects.first().batch_id}/"))


def test_a_deleted_album_does_not_exist_for_other_users(stranger, admin, album, photos):
    album_trash.move_to_trash(album)
    stranger_client, admin_client = Client(), Client()
    stranger_client.force_login(stranger)
    admin_client.force_login(admin)

    for path in ("", "restore/", "delete-permanently/", "cover.webp"):
        for method in (stranger_client.get, stranger_client.post):
            response = method(f"/albums/{album.pk}/{path}")
            assert response.status_code in (404, 405)
            assert b"Summer" not in response.content
    assert "Summer" not in read(stranger_client, ALBUMS_IN_TRASH)
    assert "Summer" in read(admin_client, ALBUMS_IN_TRASH)
    assert Album.objects.trashed().get() == album


def test_the_files_of_a_deleted_album_are_not_served(signed_in, admin, album, photo):
    Companion.objects.create(
        album=album, photo=photo, kind="sidecar", name="a.xmp", key="originals/ab/a.xmp", bytes=1, sha256="0" * 64
    )
    default_storage.save("originals/ab/a.xmp", ContentFile(b"x"))
    rendition = photo.renditions.first().get_absolute_url()
    addresses = [
        *(f"/photos/{photo.pk}/", f"/photos/{photo.pk}/original/", f"/photos/{photo.pk}/quality/", rendition),
        f"/companions/{Companion.objects.get().pk}/",
    ]
    admin_client = Client()
    admin_client.force_login(admin)
    assert {status(signed_in, address) for address in addresses} <= {
        200,
        302,
    }  # files in a bucket are a redirect to a link

    album_trash.move_to_trash(album)

    for client in (signed_in, admin_client):
        assert [status(client, address) for address in addresses] == [404] * 5


def test_a_deleted_album_and_its_uploads_are_in_no_list(signed_in, album, photos):
    batch = Upload.objects.first().batch
    assert f"/batches/{batch.pk}/" in read(signed_in, "/batches/")

    album_trash.move_to_trash(album)

    assert f'href="/albums/{album.pk}/"' not in read(signed_in, "/albums/")
    assert f"/batches/{batch.pk}/" not in read(signed_in, "/batches/")
    assert "Summer" not in read(signed_in, "/failures/")
    assert "Summer" not in read(signed_in, "/jobs/")


def test_the_trash_shows_cover_count_and_date_latest_first(signed_in, owner, album, photo):
    deleted_at = timezone.now() - timedelta(days=29)
    old = Album.objects.create(title="Winter", owner=owner, trashed_at=deleted_at)
    album_trash.move_to_trash(album)

    page = read(signed_in, ALBUMS_IN_TRASH)

    assert page.index("Summer") < page.index("Winter")
    assert "1 photo. Deletes" in page
    day = deleted_at + timedelta(days=30)
    assert f"{day.day} {day:%b %Y}" in page
    assert f'src="/albums/{album.pk}/cover.webp"' in page
    content, headers = stack.delivered(signed_in.get(f"/albums/{album.pk}/cover.webp"))
    assert (headers["Content-Type"], content[:4]) == ("image/webp", b"RIFF")
    assert signed_in.get(f"/albums/{old.pk}/cover.webp").status_code == 404
    album_trash.restore(album)
    assert signed_in.get(f"/albums/{album.pk}/cover.webp").status_code == 404


def test_albums_in_the_trash_are_restored_one_by_one(signed_in, owner, album):
    winter = Album.objects.create(title="Winter", owner=owner)
    for deleted_album in (album, winter):
        album_trash.move_to_trash(deleted_album)

    response = signed_in.post(f"/albums/{album.pk}/restore/", {"stay": "yes"}, follow=True)

    assert response.redirect_chain == [(ALBUMS_IN_TRASH, 302)]
    page = page_text(response)
    assert ("Summer was restored." in page, "Winter" in page) == (True, True)
    assert Album.objects.trashed().get() == winter


def test_an_empty_trash_of_albums_says_that_it_is_empty(signed_in, album):
    assert "No deleted albums" in read(signed_in, ALBUMS_IN_TRASH)


def test_deleting_permanently_asks_first_and_says_how_much_is_deleted(signed_in, album, photos):
    Photo.objects.update(original_bytes=2 << 20)
    album_trash.move_to_trash(album)
    address = f"/albums/{album.pk}/delete-permanently/"

    page = read(signed_in, address)
    assert "Summer</strong> will be deleted permanently: 1 album with 3 photos (6.0 MB)." in page
    assert album.photos.count() == 3
    response = signed_in.post(address, follow=True)
    assert response.redirect_chain == [(ALBUMS_IN_TRASH, 302)]
    assert "Summer was deleted permanently." in page_text(response)
    assert (Album.objects.count(), Photo.objects.count()) == (0, 0)


def test_an_album_that_was_restored_meanwhile_is_not_deleted_permanently(signed_in, album, photos):
    address = f"/albums/{album.pk}/delete-permanently/"

    assert (signed_in.get(address).url, signed_in.post(address).url) == (f"/albums/{album.pk}/",) * 2
    assert album.photos.count() == 3


def test_without_a_trash_an_album_is_deleted_at_once(signed_in, album, photos, settings):
    settings.TRASH_DAYS = 0

    page = page_text(signed_in.post(f"/albums/{album.pk}/delete/", follow=True))

    assert ("Summer was deleted." in page, "undo" in page, "Trash (" in page) == (True, False, False)
    assert (Album.objects.count(), Photo.objects.count()) == (0, 0)


def test_a_delete_that_is_sent_twice_only_moves_the_album_to_the_trash(signed_in, album, photos):
    statuses = [signed_in.post(f"/albums/{album.pk}/delete/").status_code for _ in range(2)]

    assert statuses == [302, 404]
    assert (Album.objects.trashed().get(), Photo.objects.count()) == (album, 3)


def test_every_way_of_uploading_to_a_deleted_album_is_rejected_with_a_message(signed_in, album):
    album_trash.move_to_trash(album)

    form = send(signed_in, album, *picked(making.jpeg()))
    form_json = send(signed_in, album, *picked(making.jpeg()), headers={"Accept": "application/json"})
    manifest = signed_in.post(
        f"/albums/{album.pk}/uploads/manifest/",
        json.dumps({"open": True, "files": [{"name": "a.jpg", "size": 1}]}),
        content_type="application/json",
    )
    tus = create(signed_in, album)

    assert (form.status_code, "This album is in the trash" in page_text(form)) == (404, True)
    for response in (form_json, manifest, tus):
        assert (response.status_code, response.json()["error"]) == (410, "album-in-trash")
        assert response.json()["message"] == "This album is in the trash. Restore it first."
    assert Upload.objects.count() == 0
    with pytest.raises(CommandError, match="is in the trash"):
        call_command("import_photos", str(album.pk), __file__)
    with pytest.raises(CommandError, match="No album Summer exists"):
        call_command("import_photos", "Summer", __file__)


def test_an_upload_in_progress_fails_with_album_in_trash(signed_in, album):
    upload = path_of(create(signed_in, album, 4))
    signed_in.post(f"/albums/{album.pk}/delete/")

    response = patch(signed_in, upload, 0, b"four")

    assert (response.status_code, response.json()["error"]) == (410, "album-in-trash")
    signed_in.post(f"/operations/{Operation.objects.get().pk}/undo/")
    response = patch(signed_in, upload, 0, b"four")
    assert (response.status_code, response["Upload-Offset"]) == (204, "4")


def test_polling_a_deleted_album_returns_410_until_it_is_deleted_permanently(signed_in, album):
    address = f"/albums/{album.pk}/uploads/status/"
    assert signed_in.get(address).status_code == 200

    album_trash.move_to_trash(album)
    assert signed_in.get(address).status_code == 410

    album_trash.remove(album)
    assert signed_in.get(address).status_code == 404


def test_an_album_deleted_between_check_and_lock_returns_album_in_trash(signed_in, album, monkeypatch):
    monkeypatch.setattr(admission, "for_new_file", lambda *_: album_trash.move_to_trash(album) and None)
    body = json.dumps({"open": True, "files": [{"name": "a.jpg", "size": 1}]})

    response = signed_in.post(f"/albums/{album.pk}/uploads/manifest/", body, content_type="application/json")

    assert (response.status_code, response.json()["error"]) == (410, "album-in-trash")


def test_the_trash_takes_the_same_number_of_queries_for_any_length(
    signed_in, owner, album, photos, django_assert_num_queries, django_assert_max_num_queries
):
    album_trash.move_to_trash(album)
    with django_assert_max_num_queries(12) as queries:
        signed_in.get(ALBUMS_IN_TRASH)
    for number in range(3):
        Album.objects.create(title=str(number), owner=owner, trashed_at=timezone.now())

    with django_assert_num_queries(len(queries)):
        signed_in.get(ALBUMS_IN_TRASH)
