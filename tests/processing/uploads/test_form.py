"""The upload handler of the plain form, called as Django's parser calls it."""

import pytest
from django.core.files.uploadhandler import SkipFile
from django.test import RequestFactory

from albums.models import Album
from processing.models import Upload
from processing.uploads import batches
from processing.uploads.form import FormUploadHandler
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def handler(album, owner):
    handler = FormUploadHandler(RequestFactory().post("/"), album, owner, None)
    handler._has_checked_sender = True
    yield handler
    handler.close()


def send(handler: FormUploadHandler, name: str, content: bytes) -> None:
    """Passes one file to the handler, which skips the remaining bytes of a rejected file."""
    try:
        handler.new_file("photos", name)
        handler.receive_data_chunk(content, 0)
    except SkipFile:
        return
    handler.file_complete(len(content))


def is_busy(album: Album) -> bool:
    return batches.running_in(album) is not None


@pytest.mark.parametrize("content", [b"", bytes(2_000_000)], ids=["empty", "too large"])
def test_the_album_is_busy_until_the_end_of_a_form_with_a_rejected_first_file(album, handler, settings, content):
    settings.MAX_FILE_BYTES = 1_000_000

    send(handler, "1.jpg", content)
    busy_states = [is_busy(album)]
    send(handler, "2.jpg", making.jpeg())
    busy_states.append(is_busy(album))
    send(handler, "3.jpg", content)
    busy_states.append(is_busy(album))
    [job] = handler.finish_files()

    assert busy_states == [True, True, True]
    assert job.original_filename == "2.jpg"
    states = Upload.objects.order_by("name").values_list("state", flat=True)
    assert list(states) == ["refused", "received", "refused"]


def test_a_form_with_only_rejected_files_ends_its_batch(album, handler, settings):
    settings.MAX_FILE_BYTES = 10

    send(handler, "1.jpg", making.jpeg())
    send(handler, "2.jpg", making.jpeg())
    assert is_busy(album)

    assert handler.finish_files() == []
    assert not is_busy(album)
