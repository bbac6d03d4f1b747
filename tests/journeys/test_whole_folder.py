"""A folder as a camera, a phone and Google Takeout leave it, through every door: the receipt accounts for every file."""

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
from tests.journeys.test_form import send
from tests.journeys.test_manifest import file
from tests.journeys.test_skipping import JUNK, with_folder
from tests.journeys.test_tus import create, patch, path_of
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
    """By name, in no order that helps: sidecars and videos come before what they belong to."""
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


KEPT = {"IMG_1.xmp", "IMG_2.MOV", "IMG_3.jpg.supplemental-metadata.json", "IMG_3.jpg(1).json"}
PHOTOS = {"IMG_1.DNG", "IMG_1.JPG", "IMG_2.HEIC", "IMG_3.jpg", "IMG_3(1).jpg"}


def develop() -> None:
    """One file, that of a video which waits for its still too."""
    if not worker.develop_next():
        ProcessingJob.objects.filter(state=JobState.PENDING).update(run_after=timezone.now())


def finish() -> None:
    while ProcessingJob.objects.active().exists():
        develop()
    while post_write.verify_next():
        pass


def ensure_accounted_for(card: dict[str, bytes], *, album, notes: str) -> None:
    """`notes`: what is to become of the one file that is nothing of the kind."""
    batch = Batch.objects.get()
    told = {line.name: str(line.status.value) for line in receipt_query.lines(file_status.files(batch))}
    stored = dict.fromkeys(KEPT | PHOTOS, "verified")
    assert told == {**dict.fromkeys(card, "companion"), **stored, "notes.txt": notes}
    assert sum(1 for _ in receipt_query.lines(file_status.files(batch))) == len(card)
    receipt = receipt_query.build(batch)
    assert (receipt.total, receipt.verified) == (len(KEPT | PHOTOS) + 1, len(KEPT | PHOTOS))
    assert not receipt.is_safe
    assert {photo.name: photo.caption for photo in album.photos.filter(name__startswith="IMG_3")} == {
        "IMG_3.jpg": "By the sea",
        "IMG_3(1).jpg": "The second",
    }
    assert set(album.photos.values_list("name", flat=True)) == PHOTOS
    assert set(album.photos.shown().values_list("name", flat=True)) == PHOTOS - {"IMG_1.DNG"}
    assert set(Companion.objects.exclude(photo=None).values_list("name", flat=True)) == KEPT


def test_by_the_form(signed_in, album, card):
    send(signed_in, album, *(SimpleUploadedFile(name, content) for name, content in card.items()))
    finish()

    ensure_accounted_for(card, album=album, notes="failed")


def test_by_tus(signed_in, album, card):
    for name, content in card.items():
        response = create(signed_in, album, len(content), name)
        if content:
            assert patch(signed_in, path_of(response), 0, content).status_code == 204
    finish()

    ensure_accounted_for(card, album=album, notes="failed")


@pytest.fixture
def folder(card, tmp_path, monkeypatch) -> Path:
    """The import's pauses are the worker's."""
    time = SimpleNamespace(sleep=lambda _: develop())
    monkeypatch.setattr("processing.management.commands.import_photos.time", time)
    (tmp_path / "card").mkdir()
    for name, content in card.items():
        (tmp_path / "card" / name).write_bytes(content)
    return tmp_path / "card"


def test_by_the_import(album, card, folder):
    err = io.StringIO()

    with pytest.raises(CommandError, match="1 file not imported"):
        call_command("import_photos", str(album.pk), str(folder), wait=True, stdout=io.StringIO(), stderr=err)
    finish()

    told = [line for line in err.getvalue().splitlines() if "worker" not in line]
    assert len(told) == 1
    assert told[0].startswith("notes.txt: This is not")
    ensure_accounted_for(card, album=album, notes="failed")


def test_by_the_import_without_what_is_no_photo_it_succeeds(album, card, folder):
    (folder / "notes.txt").unlink()

    call_command("import_photos", str(album.pk), str(folder), wait=True, stdout=io.StringIO(), stderr=io.StringIO())
    finish()

    stored = len(KEPT | PHOTOS)
    receipt = receipt_query.build(Batch.objects.get())
    assert (receipt.is_safe, receipt.total, receipt.companions) == (True, stored, len(card) - 1 - stored)


def test_by_the_page(signed_in, album, card):
    """As it declares what its filter parts; tests/browser/test_folders.py tries the filter itself."""
    sent = {name: content for name, content in card.items() if name in KEPT | PHOTOS}
    left = [{"name": f"DCIM/{name}", "size": len(content)} for name, content in card.items() if name not in sent]
    listed = [file(content, name) for name, content in sent.items()]

    answers = with_folder(signed_in, album, *listed, left=left).json()["files"]
    for answer, content in zip(answers, sent.values(), strict=True):
        assert patch(signed_in, answer["upload"], 0, content).status_code == 204
    finish()

    ensure_accounted_for(card, album=album, notes="skipped")
