"""Files uploaded along with photos: companions are counted, files that a page left out are listed, neither is a failure."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from albums.models import Leftover
from processing.integrity import post_write
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.queries import album_report, batch_list, failure_scope
from processing.queries import receipt as receipt_query
from processing.queries.file_status import FileStatus
from processing.rendering import worker
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.uploads import lifecycle
from tests.journeys.batch_client import page, receipt_csv, receipt_json
from tests.journeys.uploads.form_client import send
from tests.journeys.uploads.manifest_client import declare, file, states
from tests.journeys.uploads.tus_client import create, head, patch, path_of
from tests.processing import making

pytestmark = pytest.mark.django_db

JUNK = {
    "._IMG_1.JPG": b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000),
    ".DS_Store": b"\0\0\0\1Bud1" + bytes(4000),
    "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
    "IMG_1.AAE": b"<?xml version='1.0'?><plist/>",
    "MVI_1.THM": making.jpeg((160, 120)),
    "GX010001.LRV": b"\0\0\0\x14ftypmp41\0\0\0\0mp41" + bytes(4000),
    "desktop.ini": b"[.ShellClassInfo]",
    ".nomedia": b"",
}
PHOTO = making.jpeg((500, 400))


def skipped_codes() -> dict[str, str]:
    return dict(Upload.objects.filter(state=UploadState.SKIPPED).values_list("name", "code"))


def all_companions() -> dict[str, str]:
    return dict.fromkeys(JUNK, "companion-file")


def finished_batch() -> Batch:
    while worker.develop_next():
        pass
    while post_write.verify_next():
        pass
    return Batch.objects.get()


def ensure_safe(signed_in, album) -> None:
    """One photo and its companions: nothing failed, and the receipt accounts for every file."""
    batch = finished_batch()
    receipt = receipt_query.build(batch)
    assert (receipt.total, receipt.companions, receipt.is_safe) == (1, len(JUNK), True)
    assert {row["name"]: row["state"] for row in receipt_csv(signed_in, batch)} == {
        "IMG_1.JPG": "verified",
        **dict.fromkeys(JUNK, "companion"),
    }
    report = album_report.build(album)
    assert (report.added, report.problems, report.companions, report.skipped) == (1, 0, len(JUNK), 0)
    assert not failure_scope.FailureScope(album.__class__.objects.all(), is_all=True).uploads.exists()
    assert {*store().keys("incoming/")} <= {*Leftover.objects.filter(hold=None).values_list("key", flat=True)}


def test_companions_sent_by_the_form_are_skipped(signed_in, album):
    files = [SimpleUploadedFile(name, content) for name, content in {"IMG_1.JPG": PHOTO, **JUNK}.items()]

    assert send(signed_in, album, *files).status_code == 302

    assert skipped_codes() == all_companions()
    ensure_safe(signed_in, album)


def test_companions_sent_by_tus_finish_like_other_uploads(signed_in, album):
    for name, content in {"IMG_1.JPG": PHOTO, **JUNK}.items():
        response = create(signed_in, album, len(content), name)
        path = path_of(response)
        if content:
            chunk_response = patch(signed_in, path, 0, content)
            assert (chunk_response.status_code, chunk_response["Upload-Offset"]) == (204, str(len(content)))
        assert head(signed_in, path)["Upload-Offset"] == str(len(content))

    assert skipped_codes() == all_companions()
    ensure_safe(signed_in, album)


def test_a_client_that_declares_companions_need_not_send_them(signed_in, album):
    declared = [file(PHOTO), *(file(content, name, hashed=False) for name, content in JUNK.items())]

    response = declare(signed_in, album, *declared)

    assert states(response) == ["new", *["skipped"] * len(JUNK)]
    assert {entry["code"] for entry in response.json()["files"][1:]} == {"companion-file"}
    patch(signed_in, response.json()["files"][0]["upload"], 0, PHOTO)
    assert states(declare(signed_in, album, *declared)) == ["received", *["skipped"] * len(JUNK)]
    ensure_safe(signed_in, album)


def test_an_upload_of_only_companions_has_no_photos_and_no_failures(signed_in, album):
    send(signed_in, album, SimpleUploadedFile("IMG_1.AAE", JUNK["IMG_1.AAE"]))

    batch = Batch.objects.get()
    assert not receipt_query.build(batch).is_safe
    assert "This upload has only companion files." in page(signed_in, batch)
    assert "1 companion file skipped" in signed_in.get(album.get_absolute_url()).content.decode()


@pytest.mark.parametrize("name", ["._IMG_1.JPG", "GX010001.LRV", "MVI_1.THM"])
def test_a_photo_with_the_name_of_a_companion_is_accepted(signed_in, album, name):
    content = making.jpeg() + bytes(2 << 20)

    send(signed_in, album, SimpleUploadedFile(name, content))

    assert ProcessingJob.objects.get().original_filename == name
    assert skipped_codes() == {}


def test_a_processed_photo_with_the_name_of_a_companion_can_be_finished_again(album):
    job = making.received(album, PHOTO, name="._IMG_1.JPG")
    worker.develop_next()

    assert lifecycle.finish(job.upload, len(PHOTO), job.upload.sha256) is None
    assert Upload.objects.get().state == UploadState.RECEIVED


def test_companions_do_not_count_towards_the_file_limit_of_a_batch(signed_in, album, settings):
    settings.MAX_BATCH_FILES = 1

    send(signed_in, album, *(SimpleUploadedFile(name, JUNK[name]) for name in JUNK), SimpleUploadedFile("1.jpg", PHOTO))

    assert ProcessingJob.objects.get().original_filename == "1.jpg"


def with_folder(client, album, *files, left_out):
    body = json.dumps({"open": True, "files": files, "skipped": left_out})
    return client.post(f"/albums/{album.pk}/uploads/manifest/", body, content_type="application/json")


LEFT_OUT = [
    {"name": "DCIM/100/MVI_2.AVI", "size": 12, "modified": 1_000},
    {"name": "DCIM/.DS_Store", "size": 6148, "modified": 1_000},
    {"name": "DCIM/100/.DS_Store", "size": 6148, "modified": 1_000},
    {"name": "DCIM/@eaDir/IMG_1.JPG/SYNOPHOTO_THUMB_XL.jpg", "size": 99},
]


def test_files_that_a_page_left_out_are_in_the_receipt_and_make_it_unsafe(signed_in, album):
    response = with_folder(signed_in, album, file(PHOTO), left_out=LEFT_OUT)
    patch(signed_in, response.json()["files"][0]["upload"], 0, PHOTO)

    batch = finished_batch()
    receipt = receipt_query.build(batch)
    assert (receipt.total, receipt.companions) == (2, 3)
    assert receipt.summary == "1 of 2 is stored and verified. 1 was skipped. Do not format the card yet."
    (avi,) = [row for row in receipt_csv(signed_in, batch) if row["name"] == "MVI_2.AVI"]
    assert (avi["state"], avi["code"], avi["bytes"], avi["sha256"]) == ("skipped", "left-out", "12", "")
    assert "select the file itself" in avi["reason"]
    json_receipt = receipt_json(signed_in, batch)
    assert (json_receipt["count"], json_receipt["companions"], json_receipt["safe"], len(json_receipt["files"])) == (
        2,
        3,
        False,
        5,
    )


def test_files_left_out_are_named_on_the_page_of_the_batch_and_counted_in_the_album(signed_in, album):
    response = with_folder(signed_in, album, file(PHOTO), left_out=LEFT_OUT)
    patch(signed_in, response.json()["files"][0]["upload"], 0, PHOTO)
    batch = finished_batch()

    pages = {query: page(signed_in, batch, query) for query in ("", "?show=companion", "?show=skipped")}

    assert "MVI_2.AVI" in pages[""]
    assert "MVI_2.AVI" in pages["?show=skipped"]
    assert ".DS_Store" not in pages[""]
    assert ".DS_Store" in pages["?show=companion"]
    assert "3 companion files skipped" in pages[""]
    album_page = signed_in.get(album.get_absolute_url()).content.decode()
    assert "1 skipped, 3 companion files skipped" in album_page
    assert f'href="/batches/{batch.pk}/">Receipt' in album_page
    (row,) = batch_list.entries([batch])
    assert (row.files, row.skipped, row.companions, row.rejected, row.bytes) == (2, 1, 3, 0, len(PHOTO))
    assert row.files == receipt_query.build(row.batch).total


def test_declaring_a_folder_again_lists_no_file_twice(signed_in, album):
    for _ in range(2):
        with_folder(signed_in, album, file(PHOTO), left_out=LEFT_OUT)
    with_folder(signed_in, album, left_out=[{"name": "more.avi", "size": 1}])

    assert Upload.objects.filter(state=UploadState.SKIPPED).count() == 5


def test_files_left_out_are_not_added_to_another_active_batch(signed_in, album):
    with_folder(signed_in, album, file(PHOTO), left_out=[])

    assert states(with_folder(signed_in, album, file(b"other", "2.jpg"), left_out=LEFT_OUT)) == ["later"]

    assert skipped_codes() == {}


def test_a_file_that_was_left_out_can_be_declared_later(signed_in, album):
    with_folder(signed_in, album, file(PHOTO), left_out=[file(b"raw", "1.xyz", hashed=False)])
    Upload.objects.exclude(state=UploadState.SKIPPED).delete()

    assert states(declare(signed_in, album, file(b"raw", "1.xyz", hashed=False))) == ["new"]


def test_a_photo_that_a_client_left_out_is_no_companion(signed_in, album):
    with_folder(signed_in, album, file(PHOTO), left_out=[{"name": "IMG_2.JPG", "size": 5}])

    assert skipped_codes() == {"IMG_2.JPG": "left-out"}


@pytest.mark.once
@pytest.mark.parametrize("left_out", ["x", [1], [{"name": "x"}], [{"name": "x", "size": 1}] * 2001])
def test_a_malformed_list_of_skipped_files_is_rejected(signed_in, album, left_out):
    response = with_folder(signed_in, album, file(PHOTO), left_out=left_out)

    assert (response.status_code, response.json()["error"]) == (400, "bad-manifest")


def test_receipts_count_companions_by_name(signed_in, album):
    send(signed_in, album, SimpleUploadedFile("IMG_1.JPG", PHOTO), SimpleUploadedFile("MVI_1.THM", PHOTO))

    counts = receipt_query.build(finished_batch()).counts

    assert counts == {FileStatus.VERIFIED: 1, FileStatus.COMPANION: 1}


def test_a_large_companion_in_the_bucket_is_not_downloaded(album, monkeypatch):
    upload = making.upload(album, "GX010001.LRV")
    upload.place = storage_keys.BUCKET
    Upload.objects.update(place=storage_keys.BUCKET)

    assert lifecycle.finish(upload, 64 << 20, "0" * 64) is None
    assert skipped_codes() == {"GX010001.LRV": "companion-file"}
