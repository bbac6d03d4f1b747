"""The limit of files in one batch is the same for every way to upload, and so is its message."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from processing.models import Upload
from processing.uploads import rejections
from tests.journeys.uploads.tus_client import create
from tests.processing import making

pytestmark = pytest.mark.django_db

NAMES = ("1.jpg", "2.jpg")


def by_form(client, album):
    files = [SimpleUploadedFile(name, making.jpeg()) for name in NAMES]
    return client.post(f"/albums/{album.pk}/uploads/", {"photos": files})


def by_manifest(client, album):
    manifest = {"open": True, "files": [{"name": name, "size": 9} for name in NAMES]}
    return client.post(f"/albums/{album.pk}/uploads/manifest/", manifest, content_type="application/json")


def by_tus(client, album):
    return [create(client, album, name=name) for name in NAMES][-1]


@pytest.mark.parametrize("send", [by_form, by_manifest, by_tus])
def test_a_file_beyond_the_limit_is_rejected_with_the_same_code_and_message(signed_in, album, settings, send):
    settings.MAX_BATCH_FILES = 1
    reason = rejections.TOO_MANY.filled(limit=1)

    send(signed_in, album)

    uploads = {upload.name: (upload.code, upload.message) for upload in Upload.objects.all()}
    assert uploads == {"1.jpg": ("", ""), "2.jpg": (reason.code, reason.message)}


def test_a_tus_client_gets_the_same_message_in_its_response(signed_in, album, settings):
    settings.MAX_BATCH_FILES = 1
    reason = rejections.TOO_MANY.filled(limit=1)

    response = by_tus(signed_in, album)

    assert (response.status_code, response.json()) == (413, {"error": reason.code, "message": reason.message})
