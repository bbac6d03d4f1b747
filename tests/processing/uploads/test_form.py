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
def intake(album, owner):
    intake = FormUploadHandler(RequestFactory().post("/"), album, owner, None)
    intake._has_checked_sender = True
    yield intake
    intake.close()


def send(intake: FormUploadHandler, name: str, content: bytes) -> None:
    """Pass one file to the handler, which skips the rest of a file that it rejects."""
    try:
        intake.new_file("photos", name)
        intake.receive_data_chunk(content, 0)
    except SkipFile:
        return
    intake.file_complete(len(content))


def running(album: Album) -> bool:
    return batches.running_in(album) is not None


@pytest.mark.parametrize("content", [b"", bytes(2_000_000)], ids=["empty", "too large"])
def test_the_album_is_busy_until_the_end_of_a_form_whose_first_file_is_rejected(album, intake, settings, content):
    settings.MAX_FILE_BYTES = 1_000_000

    send(intake, "1.jpg", content)
    busy = [running(album)]
    send(intake, "2.jpg", making.jpeg())
    busy.append(running(album))
    send(intake, "3.jpg", content)
    busy.append(running(album))
    [job] = intake.finish_files()

    assert busy == [True, True, True]
    assert job.original_filename == "2.jpg"
    states = Upload.objects.order_by("name").values_list("state", flat=True)
    assert list(states) == ["refused", "received", "refused"]


def test_a_form_of_which_every_file_is_rejected_ends_with_its_batch(album, intake, settings):
    settings.MAX_FILE_BYTES = 10

    send(intake, "1.jpg", making.jpeg())
    send(intake, "2.jpg", making.jpeg())
    assert running(album)

    assert intake.finish_files() == []
    assert not running(album)
