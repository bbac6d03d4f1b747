"""Bytes that an album already has are recognised by one definition, in every way of uploading."""

import hashlib
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from albums import trash
from albums.models import Photo
from processing.models import Upload
from processing.models.states import UploadState
from processing.uploads import rejections
from tests.journeys.uploads.manifest_client import photo_in
from tests.journeys.uploads.tus_client import create, patch, path_of
from tests.processing import making

pytestmark = pytest.mark.django_db

NAME = "again.jpg"


@pytest.fixture(scope="module")
def content() -> bytes:
    return making.jpeg()


@pytest.fixture
def photo(album, content) -> Photo:
    return photo_in(album, content, "first.jpg")


def declare(client, album, content, **file_fields):
    file = {"name": NAME, "size": len(content)} | file_fields
    url = f"/albums/{album.pk}/uploads/manifest/"
    return client.post(url, json.dumps({"open": True, "files": [file]}), content_type="application/json")


def by_form(client, album, content, folder):
    client.post(f"/albums/{album.pk}/uploads/", {"photos": [SimpleUploadedFile(NAME, content)]})


def by_tus(client, album, content, folder):
    patch(client, path_of(create(client, album, len(content), name=NAME)), 0, content)


def by_declaration(client, album, content, folder):
    declare(client, album, content, sha256=hashlib.sha256(content).hexdigest())


def by_late_checksum(client, album, content, folder):
    declare(client, album, content)
    by_declaration(client, album, content, folder)


def by_import(client, album, content, folder):
    (folder / NAME).write_bytes(content)
    call_command("import_photos", str(album.pk), str(folder / NAME))


UPLOAD_METHODS = [by_form, by_tus, by_declaration, by_late_checksum, by_import]


@pytest.mark.parametrize("send", UPLOAD_METHODS)
@pytest.mark.parametrize("reason", [rejections.DUPLICATE, rejections.RESTORED], ids=lambda reason: reason.code)
def test_bytes_of_a_photo_are_rejected_and_restore_it_from_the_trash(
    signed_in, album, photo, content, tmp_path, send, reason
):
    if reason == rejections.RESTORED:
        trash.move_to_trash(photo)

    send(signed_in, album, content, tmp_path)

    upload = Upload.objects.get(name=NAME)
    assert (upload.state, upload.code, upload.duplicate_of) == (UploadState.REJECTED, reason.code, photo)
    assert upload.message == reason.filled(name="first.jpg").message
    assert list(album.photos.shown()) == [photo]


@pytest.mark.parametrize("send", UPLOAD_METHODS)
def test_the_bytes_of_another_albums_photo_are_not_rejected(signed_in, photo, owner, content, tmp_path, send):
    other_album = owner.albums.create(title="Winter")

    send(signed_in, other_album, content, tmp_path)

    assert Upload.objects.get(name=NAME).state in (UploadState.RECEIVED, UploadState.RECEIVING)
