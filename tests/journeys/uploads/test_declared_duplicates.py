"""Declared files whose bytes an album has already: not sent, restored from the trash, or named."""

import pytest

from albums import trash
from albums.models import Album, Companion
from processing.models import Upload
from processing.models.states import UploadState
from processing.uploads import batches
from tests.journeys.uploads.manifest_client import declare, file, photo_in, states
from tests.journeys.uploads.tus_client import patch

pytestmark = pytest.mark.django_db


def test_a_file_that_the_album_has_is_not_sent_and_is_recorded_as_duplicate(signed_in, album):
    photo = photo_in(album, b"picture")

    response = declare(signed_in, album, file(b"picture", "again.jpg"), file(b"new"))

    assert states(response) == ["here", "new"]
    entry = response.json()["files"][0]
    assert (entry["upload"], entry["photo"], entry["code"]) == (None, f"/photos/{photo.pk}/", "duplicate")
    upload = Upload.objects.get(name="again.jpg")
    assert (upload.state, upload.code, upload.duplicate_of) == (UploadState.REJECTED, "duplicate", photo)


@pytest.mark.parametrize("opens", [True, False])
def test_a_declared_photo_in_the_trash_is_restored_when_the_batch_opens(signed_in, album, opens):
    photo = photo_in(album, b"picture")
    trash.move_to_trash(photo)

    response = declare(signed_in, album, file(b"picture", "again.jpg"), opens=opens)

    assert states(response) == ["trash"]
    assert response.json()["files"][0]["photo"] == f"/photos/{photo.pk}/"
    assert album.photos.shown().exists() is opens
    assert set(Upload.objects.filter(name="again.jpg").values_list("code", flat=True)) == (
        {"restored"} if opens else set()
    )


def test_a_photo_in_the_trash_is_restored_when_its_companion_is_declared_again(signed_in, album):
    photo = photo_in(album, b"picture")
    sidecar = file(b"sidecar", "photo.xmp")
    Companion.objects.create(
        album=album, photo=photo, kind="sidecar", name="photo.xmp", key="k", bytes=7, sha256=sidecar["sha256"]
    )
    trash.move_to_trash(photo)

    response = declare(signed_in, album, sidecar)

    assert states(response) == ["here"]
    assert list(album.photos.shown()) == [photo]


def test_a_photo_in_the_trash_is_restored_while_a_batch_of_the_sender_is_active(signed_in, album):
    photo = photo_in(album, b"picture")
    trash.move_to_trash(photo)
    declare(signed_in, album, file(b"first", "1.jpg"))

    response = declare(signed_in, album, file(b"first", "1.jpg"), file(b"picture", "again.jpg"))

    assert states(response) == ["new", "trash"]
    assert list(album.photos.shown()) == [photo]


def test_a_checksum_that_is_declared_later_matches_companions_too(signed_in, album):
    sidecar = file(b"sidecar", "photo.xmp")
    Companion.objects.create(album=album, kind="sidecar", name="photo.xmp", key="k", bytes=7, sha256=sidecar["sha256"])
    declare(signed_in, album, file(b"sidecar", "photo.xmp", hashed=False))

    response = declare(signed_in, album, sidecar)

    assert states(response) == ["here"]
    assert Upload.objects.get().code == "duplicate"


def test_received_bytes_of_a_photo_in_the_trash_restore_it(signed_in, album):
    photo = photo_in(album, b"picture")
    trash.move_to_trash(photo)
    path = declare(signed_in, album, file(b"picture", "again.jpg", hashed=False)).json()["files"][0]["upload"]

    patch(signed_in, path, 0, b"picture")

    upload = Upload.objects.get(name="again.jpg")
    assert (upload.state, upload.code, upload.duplicate_of) == (UploadState.REJECTED, "restored", photo)
    assert list(album.photos.shown()) == [photo]


def test_a_file_that_is_declared_twice_is_sent_once(signed_in, album):
    assert states(declare(signed_in, album, file(b"same", "a.jpg"), file(b"same", "b.jpg"))) == ["new", "twice"]


def test_a_copy_in_another_album_of_the_same_user_is_named(signed_in, album, owner, stranger):
    own_photo = photo_in(Album.objects.create(title="Winter", owner=owner), b"mine")
    photo_in(Album.objects.create(title="Secret", owner=stranger), b"theirs")

    response = declare(signed_in, album, file(b"mine", "1.jpg"), file(b"theirs", "2.jpg"))

    assert states(response) == ["elsewhere", "new"]
    elsewhere, new = response.json()["files"]
    assert elsewhere["message"] == "Also in your album “Winter”."
    assert elsewhere["photo"] == f"/photos/{own_photo.pk}/"
    assert elsewhere["upload"] is not None
    assert new["photo"] is None


def test_a_checksum_that_is_declared_later_makes_the_upload_a_duplicate(signed_in, album):
    photo = photo_in(album, b"picture")
    path = declare(signed_in, album, file(b"picture", "again.jpg", hashed=False)).json()["files"][0]["upload"]

    response = declare(signed_in, album, file(b"picture", "again.jpg", upload=path))

    assert states(response) == ["here"]
    duplicate = Upload.objects.get(name="again.jpg")
    assert (duplicate.state, duplicate.duplicate_of) == (UploadState.REJECTED, photo)
    assert batches.running_in(album) is None


def test_checksums_declared_later_find_duplicates_within_the_batch(signed_in, album):
    declare(signed_in, album, file(b"same", "a.jpg", hashed=False), file(b"same", "b.jpg", hashed=False))

    assert states(declare(signed_in, album, file(b"same", "a.jpg"), file(b"same", "b.jpg"))) == ["new", "twice"]
    assert Upload.objects.get(name="b.jpg").code == "duplicate"
