"""Files that the album's trash or another album has: what a client that asks its user declares, and what is recorded."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.utils import timezone

from albums import trash
from albums.models import Album, Operation, Photo
from albums.operations import engine
from processing.models import Batch, Upload
from processing.models.states import UploadState
from processing.queries import album_report, batch_list
from processing.queries import receipt as receipt_query
from processing.uploads import batches
from tests.albums.moving import library
from tests.journeys.batch_client import receipt_json
from tests.journeys.uploads.manifest_client import file, photo_in, states
from tests.journeys.uploads.tus_client import patch
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def rome(owner) -> Album:
    return Album.objects.create(title="Rome", owner=owner)


def declare(client, album, *files, opens=True):
    body = json.dumps({"open": opens, "asks": True, "files": files})
    return client.post(f"/albums/{album.pk}/uploads/manifest/", body, content_type="application/json")


def known(photo: Photo, name: str = "mine.jpg", **fields):
    return {"name": name, "size": photo.original_bytes or 1, "sha256": photo.original_sha256} | fields


def recorded() -> list[tuple[str, str, str]]:
    return list(Upload.objects.order_by("created_at").values_list("name", "state", "message"))


def test_files_in_other_albums_are_held_and_named_while_others_are_sent(signed_in, album, rome):
    photo = library.photo(rome, 1)

    response = declare(signed_in, album, known(photo), file(b"new", "new.jpg"))

    assert states(response) == ["elsewhere", "new"]
    held, new = response.json()["files"]
    assert (held["held"], held["upload"], held["album"]) == (True, None, "Rome")
    assert held["photo"] == f"/photos/{photo.pk}/"
    assert (new["held"], new["upload"] is not None) == (False, True)
    assert [name for name, _, _ in recorded()] == ["new.jpg"]


def test_questions_alone_open_no_batch(signed_in, album, rome):
    response = declare(signed_in, album, known(library.photo(rome, 1)))

    assert (response.json()["batch"], response.json()["busy"]) == (None, False)
    assert not Batch.objects.exists()


def test_a_photo_in_the_trash_of_another_album_is_not_elsewhere(signed_in, album, rome):
    photo = library.photo(rome, 1)
    trash.move_to_trash(photo)

    assert states(declare(signed_in, album, known(photo))) == ["new"]


def test_another_users_album_is_not_named(signed_in, album, stranger):
    secret = Album.objects.create(title="Secret", owner=stranger)

    assert states(declare(signed_in, album, known(library.photo(secret, 1)))) == ["new"]


def test_a_file_in_another_album_is_uploaded_on_request(signed_in, album, rome):
    photo = photo_in(rome, b"picture")

    path = declare(signed_in, album, file(b"picture", choice="upload")).json()["files"][0]["upload"]

    assert patch(signed_in, path, 0, b"picture").status_code == 204
    assert Upload.objects.get(album=album).state == UploadState.RECEIVED
    assert Photo.objects.get() == photo


def test_a_skipped_file_is_recorded_as_stored_in_the_other_album(signed_in, album, rome):
    photo = library.photo(rome, 1)
    Photo.objects.update(verified_at="2026-01-01T00:00Z")

    response = declare(signed_in, album, known(photo, choice="skip"))

    assert states(response) == ["here"]
    assert recorded() == [("mine.jpg", "refused", "Skipped: also in the album “Rome”, as IMG_0001.JPG.")]
    receipt = receipt_query.build(Batch.objects.get())
    assert (receipt.total, receipt.is_safe) == (1, True)
    [line] = receipt_json(signed_in, Batch.objects.get())["files"]
    assert line["reason"] == "Skipped: also in the album “Rome”, as IMG_0001.JPG."
    assert batches.running_in(album) is None
    assert album_report.build(album).headline == "1 in other albums"
    [entry] = batch_list.entries([Batch.objects.get()])
    assert (entry.elsewhere, entry.duplicates, entry.files) == (1, 0, 1)
    assert "1 in other albums" in signed_in.get("/batches/").text
    Album.objects.filter(pk=rome.pk).update(title="Roma")
    page = signed_in.get(f"/batches/{entry.batch.pk}/").text
    assert "Skipped: also in the album “Rome”, as IMG_0001.JPG." in page  # what the user was told at that time
    assert f'<a href="/photos/{photo.pk}/">Roma</a>' in page


@pytest.mark.django_db(transaction=True)
def test_a_copied_file_is_in_the_album_without_an_upload_and_can_be_undone(signed_in, album, rome):
    photo = library.photo(rome, 1)

    response = declare(signed_in, album, known(photo, choice="copy"), file(b"new", "new.jpg"))

    assert states(response) == ["here", "new"]
    copy = album.photos.get()
    assert copy.original_sha256 == photo.original_sha256
    assert response.json()["files"][0]["photo"] == f"/photos/{copy.pk}/"
    assert ("mine.jpg", "refused", "Copied from the album “Rome”, as IMG_0001.JPG.") in recorded()
    operation = Operation.objects.get()
    assert response.json()["operation"] == f"/operations/{operation.pk}/"
    signed_in.post(f"/operations/{operation.pk}/undo/")
    assert (album.photos.count(), rome.photos.count()) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_copies_that_take_long_are_declared_again_until_they_are_made(signed_in, album, rome, monkeypatch):
    photos = [library.photo(rome, number) for number in range(1, 4)]
    files = [known(photo, f"{photo.pk}.jpg", choice="copy") for photo in photos]
    monkeypatch.setattr(engine, "REQUEST_SECONDS", 0)
    monkeypatch.setattr("albums.moving.duplication.Copy.step_photos", 1)
    first = declare(signed_in, album, *files)

    again = declare(signed_in, album, *files[1:])

    assert [states(first), states(again)] == [["here", "elsewhere", "elsewhere"], ["elsewhere", "elsewhere"]]
    assert [entry["held"] for entry in first.json()["files"]] == [False, True, True]
    operation = Operation.objects.get()
    engine.run(operation.pk, until=float("inf"))
    assert states(declare(signed_in, album, *files[1:])) == ["here", "here"]
    assert album.photos.count() == 3
    assert Upload.objects.filter(message__startswith="Copied from").count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_copy_that_was_undone_is_not_made_again_by_a_client_that_waits_for_it(signed_in, album, rome, monkeypatch):
    photos = [library.photo(rome, number) for number in range(1, 4)]
    files = [known(photo, f"{photo.pk}.jpg", choice="copy") for photo in photos]
    monkeypatch.setattr(engine, "REQUEST_SECONDS", 0)
    monkeypatch.setattr("albums.moving.duplication.Copy.step_photos", 1)
    assert declare(signed_in, album, *files).json()["copying"] is True
    operation = Operation.objects.get()
    signed_in.post(f"/operations/{operation.pk}/undo/")
    engine.run(operation.pk, until=float("inf"))

    response = declare(signed_in, album, *files)

    assert states(response) == ["elsewhere"] * 3
    assert (response.json()["copying"], response.json()["files"][0]["held"]) == (False, True)
    assert (Operation.objects.count(), album.photos.count()) == (1, 0)
    Operation.objects.update(updated_at=timezone.now() - timedelta(minutes=1))
    assert declare(signed_in, album, *files).json()["copying"] is True


def test_a_file_that_cannot_be_copied_is_uploaded(signed_in, album, rome):
    photo = library.photo(rome, 1)
    default_storage.delete(photo.original_key)

    response = declare(signed_in, album, known(photo, choice="copy"))

    assert states(response) == ["elsewhere"]
    assert response.json()["files"][0]["upload"] is not None


@pytest.mark.parametrize("opens", [True, False])
def test_declaring_does_not_restore_from_the_trash_without_a_decision(signed_in, album, opens):
    photo = library.photo(album, 1)
    trash.move_to_trash(photo)

    response = declare(signed_in, album, known(photo), opens=opens)

    assert states(response) == ["trash"]
    assert response.json()["files"][0]["held"] is True
    assert (Photo.objects.trashed().count(), recorded()) == (1, [])


@pytest.mark.parametrize(
    ("choice", "trashed", "message"),
    [
        ("restore", 0, "Restored from this album's trash, as IMG_0001.JPG."),
        ("skip", 1, "Left in this album's trash, as IMG_0001.JPG."),
    ],
)
@pytest.mark.parametrize("is_running", [False, True])
def test_a_decision_about_the_trash_is_followed_and_recorded(signed_in, album, choice, trashed, message, is_running):
    photo = library.photo(album, 1)
    trash.move_to_trash(photo)
    if is_running:
        declare(signed_in, album, file(b"new", "new.jpg"))

    response = declare(signed_in, album, known(photo, choice=choice))
    if is_running:  # a lost response
        declare(signed_in, album, known(photo, choice=choice))

    assert states(response) == ["here" if choice == "skip" else "trash"]
    assert Photo.objects.trashed().count() == trashed
    assert [row for row in recorded() if row[0] == "mine.jpg"] == [("mine.jpg", "refused", message)]
    assert Batch.objects.filter(uploads__name="new.jpg").count() == is_running


def test_a_checksum_that_is_declared_later_withdraws_the_upload_for_a_question(signed_in, album, rome):
    trashed, elsewhere = photo_in(album, b"trashed"), photo_in(rome, b"elsewhere")
    trash.move_to_trash(trashed)
    names = [(b"trashed", "1.jpg"), (b"elsewhere", "2.jpg"), (b"new", "3.jpg")]
    declare(signed_in, album, *(file(content, name, hashed=False) for content, name in names))

    response = declare(signed_in, album, *(file(content, name) for content, name in names))

    assert states(response) == ["trash", "elsewhere", "new"]
    assert [entry["held"] for entry in response.json()["files"]] == [True, True, False]
    assert Upload.objects.receiving().get().name == "3.jpg"
    assert not Upload.objects.filter(name__in=["1.jpg", "2.jpg"]).exists()
    assert (Photo.objects.trashed().count(), elsewhere.album) == (1, rome)


def test_a_file_that_has_begun_to_arrive_is_not_held_for_another_album(signed_in, album, rome):
    photo_in(rome, b"elsewhere")
    declare(signed_in, album, file(b"elsewhere", hashed=False))
    Upload.objects.receiving().update(arrived=4)

    response = declare(signed_in, album, file(b"elsewhere"))

    assert response.json()["files"][0]["held"] is False
    assert Upload.objects.receiving().get().declared_sha256


@pytest.mark.once
def test_an_unknown_choice_is_refused(signed_in, album):
    response = declare(signed_in, album, file(b"one", choice="burn"))

    assert (response.status_code, response.json()["error"]) == (400, "bad-manifest")


def test_a_copy_into_anothers_album_is_not_found(client, album, rome, stranger: User):
    client.force_login(stranger)

    response = declare(client, album, known(library.photo(rome, 1), choice="copy"))

    assert (response.status_code, Operation.objects.count()) == (404, 0)


def test_the_page_of_an_upload_links_to_the_same_photo_in_other_albums(signed_in, album, rome, stranger):
    photo = photo_in(rome, b"picture")
    photo_in(Album.objects.create(title="Secret", owner=stranger), b"picture")
    making.received(album, b"picture", name="again.jpg")

    page = signed_in.get(f"/batches/{Batch.objects.get(album=album).pk}/").content.decode()

    assert f'Also in <a href="/photos/{photo.pk}/">Rome</a>' in page
    assert "Secret" not in page
