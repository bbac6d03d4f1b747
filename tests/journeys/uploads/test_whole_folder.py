"""A folder of a camera, a phone and Google Takeout, uploaded every way: the receipt accounts for every file."""

import io
from pathlib import Path
from types import SimpleNamespace

import pillow_heif
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image

from albums.models import Companion
from processing.integrity import post_write
from processing.models import Batch, ProcessingJob
from processing.models.states import JobState
from processing.queries import file_status
from processing.queries import receipt as receipt_query
from processing.rendering import worker
from tests.journeys.uploads.form_client import send
from tests.journeys.uploads.manifest_client import file
from tests.journeys.uploads.test_skipping import JUNK, with_folder
from tests.journeys.uploads.tus_client import create, patch, path_of
from tests.pipeline import raws
from tests.processing.jobs.test_grouping import MOV, TAKEN, jpeg, sidecar
from tests.processing.jobs.test_takeout_names import takeout_json

pytestmark = pytest.mark.django_db


def heic() -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (500, 400), (30, 90, 200))).save(file)
    return file.getvalue()


@pytest.fixture
def card(tmp_path) -> dict[str, bytes]:
    """Contents by name, in an unfavourable order: sidecars and videos come before their photos."""
    dng = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    return {
        "IMG_1.xmp": sidecar(),
        "IMG_1.DNG": dng,
        "IMG_1.JPG": jpeg(TAKEN, number=1),
        "IMG_2.MOV": MOV,
        "IMG_2.AAE": b"<plist/>",
        "IMG_2.HEIC": heic(),
        "IMG_3.jpg.supplemental-metadata.json": takeout_json("IMG_3.jpg"),
        "IMG_3.jpg": jpeg(number=3),
        "IMG_3(1).jpg": jpeg(number=4),
        "IMG_3.jpg(1).json": takeout_json("IMG_3.jpg", description="The second"),
        "metadata.json": b'{"title": "An album"}',
        "notes.txt": b"not a photo",
        **{name: content for name, content in JUNK.items() if name != "IMG_1.AAE"},
    }


COMPANIONS = {"IMG_1.xmp", "IMG_2.MOV", "IMG_3.jpg.supplemental-metadata.json", "IMG_3.jpg(1).json"}
PHOTOS = {"IMG_1.DNG", "IMG_1.JPG", "IMG_2.HEIC", "IMG_3.jpg", "IMG_3(1).jpg"}


def develop() -> None:
    """Process one file, or end the wait of a video for its photo."""
    if not worker.develop_next():
        ProcessingJob.objects.filter(state=JobState.PENDING).update(run_after=timezone.now())


def finish() -> None:
    while ProcessingJob.objects.active().exists():
        develop()
    while post_write.verify_next():
        pass


def ensure_accounted_for(card: dict[str, bytes], *, album, notes: str) -> None:
    """Check the receipt and the album. `notes` is the status of `notes.txt`, which is no photo."""
    batch = Batch.objects.get()
    statuses = {line.name: str(line.status.value) for line in receipt_query.lines(file_status.files(batch))}
    verified = dict.fromkeys(COMPANIONS | PHOTOS, "verified")
    assert statuses == {**dict.fromkeys(card, "companion"), **verified, "notes.txt": notes}
    assert sum(1 for _ in receipt_query.lines(file_status.files(batch))) == len(card)
    receipt = receipt_query.build(batch)
    assert (receipt.total, receipt.verified) == (len(COMPANIONS | PHOTOS) + 1, len(COMPANIONS | PHOTOS))
    assert not receipt.is_safe
    assert {photo.name: photo.caption for photo in album.photos.filter(name__startswith="IMG_3")} == {
        "IMG_3.jpg": "By the sea",
        "IMG_3(1).jpg": "The second",
    }
    assert set(album.photos.values_list("name", flat=True)) == PHOTOS
    assert set(album.photos.shown().values_list("name", flat=True)) == PHOTOS - {"IMG_1.DNG"}
    assert set(Companion.objects.exclude(photo=None).values_list("name", flat=True)) == COMPANIONS


def test_a_folder_uploaded_by_the_form_is_accounted_for(signed_in, album, card):
    send(signed_in, album, *(SimpleUploadedFile(name, content) for name, content in card.items()))
    finish()

    ensure_accounted_for(card, album=album, notes="failed")


def test_a_folder_uploaded_by_tus_is_accounted_for(signed_in, album, card):
    for name, content in card.items():
        response = create(signed_in, album, len(content), name)
        if content:
            assert patch(signed_in, path_of(response), 0, content).status_code == 204
    finish()

    ensure_accounted_for(card, album=album, notes="failed")


@pytest.fixture
def folder(card, tmp_path, monkeypatch) -> Path:
    """The card as a folder; whenever the import pauses, one file is processed."""
    time = SimpleNamespace(sleep=lambda _: develop())
    monkeypatch.setattr("processing.management.commands.import_photos.time", time)
    (tmp_path / "card").mkdir()
    for name, content in card.items():
        (tmp_path / "card" / name).write_bytes(content)
    return tmp_path / "card"


def test_a_folder_imported_by_the_command_is_accounted_for(album, card, folder):
    err = io.StringIO()

    with pytest.raises(CommandError, match="1 file not imported"):
        call_command("import_photos", str(album.pk), str(folder), wait=True, stdout=io.StringIO(), stderr=err)
    finish()

    errors = [line for line in err.getvalue().splitlines() if "worker" not in line]
    assert len(errors) == 1
    assert errors[0].startswith("notes.txt: This file is not an image")
    ensure_accounted_for(card, album=album, notes="failed")


def test_the_import_of_a_folder_without_other_files_succeeds(album, card, folder):
    (folder / "notes.txt").unlink()

    call_command("import_photos", str(album.pk), str(folder), wait=True, stdout=io.StringIO(), stderr=io.StringIO())
    finish()

    stored_count = len(COMPANIONS | PHOTOS)
    receipt = receipt_query.build(Batch.objects.get())
    assert (receipt.is_safe, receipt.total, receipt.companions) == (True, stored_count, len(card) - 1 - stored_count)


def test_a_folder_uploaded_by_the_page_is_accounted_for(signed_in, album, card):
    """Sends what the page's filter would select; tests/browser/uploading/test_folders.py tests the filter itself."""
    selected = {name: content for name, content in card.items() if name in COMPANIONS | PHOTOS}
    left_out = [
        {"name": f"DCIM/{name}", "size": len(content)} for name, content in card.items() if name not in selected
    ]
    declared = [file(content, name) for name, content in selected.items()]

    entries = with_folder(signed_in, album, *declared, left_out=left_out).json()["files"]
    for entry, content in zip(entries, selected.values(), strict=True):
        assert patch(signed_in, entry["upload"], 0, content).status_code == 204
    finish()

    ensure_accounted_for(card, album=album, notes="skipped")
