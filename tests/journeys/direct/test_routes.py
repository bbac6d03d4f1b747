"""Uploads straight to the bucket, through the routes of Uppy's Companion."""

import uuid

import pytest
import requests
from huey.contrib.djhuey import HUEY

from processing.jobs import wakeup
from processing.maintenance import sweep
from processing.models import Batch, Part, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.storage import store
from processing.uploads.direct import multipart
from tests.journeys.direct.companion import CONTENT, PART_BYTES, PARTS, digest, ensure_received, make_stale

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
after_commit = pytest.mark.django_db(transaction=True)


def test_a_file_uploaded_in_parts_becomes_a_job(companion, moto, bucket, owner):
    upload = companion.create()
    companion.send(upload, *PARTS)

    response = companion.complete(upload)

    payload = {"state": "received", "location": companion.album.get_absolute_url(), "key": f"s3/incoming/{upload}"}
    assert (response.status_code, response.json()) == (200, payload)
    ensure_received(CONTENT)
    batch = Batch.objects.get()
    assert (batch.source, batch.opened_by) == (Batch.Source.DIRECT, owner)
    assert moto.multiparts(bucket.bucket) == []
    assert not Part.objects.exists()


def test_a_small_file_is_uploaded_in_one_part(companion):
    upload = companion.create()
    companion.send(upload, b"small")

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


def test_several_files_join_one_batch(companion):
    for name in ("1.jpg", "2.jpg"):
        upload = companion.create(name)
        companion.send(upload, name.encode())
        assert companion.complete(upload).status_code == 200

    assert [upload.name for upload in Batch.objects.get().uploads.all()] == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    ("path", "folder"), [("DCIM/100APPLE/a.jpg", "DCIM/100APPLE"), (None, ""), (7, ""), ("b/c.jpg", "")]
)
def test_the_folder_is_taken_from_uppys_relative_path(companion, path, folder):
    companion.create("a.jpg", relativePath=path)

    assert [(upload.name, upload.folder) for upload in Upload.objects.all()] == [("a.jpg", folder)]


def test_listing_parts_returns_those_in_the_bucket_and_saves_them(companion):
    upload = companion.create()
    companion.send(upload, PARTS[0])
    companion.get(f"/multipart/{upload}/2", size=7)

    assert companion.listed(upload) == [(1, PART_BYTES)]

    rows = Part.objects.values_list("number", "size", "state")
    assert [*rows] == [(1, PART_BYTES, Part.State.STORED), (2, 7, Part.State.EXPECTED)]
    assert Upload.objects.get().arrived == PART_BYTES


def test_the_batch_page_shows_the_parts_of_an_upload(companion, signed_in):
    upload = companion.create()
    companion.send(upload, PARTS[0])
    companion.get(f"/multipart/{upload}/2", size=7)

    page = signed_in.get(f"/batches/{Batch.objects.get().pk}/")

    assert "1 part in the bucket, uploading part 2" in page.content.decode()


def test_an_address_for_a_part_is_signed_with_its_length(companion):
    upload = companion.create()

    url = companion.get(f"/multipart/{upload}/1", size=5).json()["url"]

    assert "content-length" in url  # among the headers that are signed


def test_an_upload_with_missing_parts_can_be_resumed(companion):
    upload = companion.create()
    companion.put(upload, 2, PARTS[1])

    response = companion.complete(upload)
    assert (response.status_code, response.json()["error"]) == (409, "parts-missing")

    companion.put(upload, 1, PARTS[0])
    assert companion.complete(upload).status_code == 200
    ensure_received(CONTENT)


def test_completing_twice_returns_the_same_response(companion):
    upload = companion.create()
    companion.send(upload, b"small")

    first, second = companion.complete(upload), companion.complete(upload)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    ensure_received(b"small")


def test_an_upload_that_the_bucket_aborted_starts_again(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")
    row = Upload.objects.get()
    moto.client().abort_multipart_upload(Bucket=bucket.bucket, Key=f"incoming/{upload}", UploadId=row.multipart_id)

    assert companion.listed(upload) == []
    companion.send(upload, b"small")

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


@after_commit
def test_a_file_with_another_checksum_than_declared_is_rejected_and_deleted(companion):
    upload = companion.create()
    companion.send(upload, b"damaged")

    response = companion.complete(upload, sha256=digest(b"whole"))

    assert (response.status_code, response.json()["error"]) == (422, "not-as-declared")
    assert [*store().keys("s3/incoming")] == []


def test_a_checksum_is_accepted_in_upper_case(companion):
    upload = companion.create()
    companion.send(upload, b"whole")

    assert companion.complete(upload, sha256=digest(b"whole").upper()).status_code == 200
    assert Upload.objects.get().declared_sha256 == digest(b"whole")


@pytest.mark.parametrize(
    "checksum", ["no checksum", "a" * 63, "a" * 65, "g" * 64, "a" * 10_000, "a" * 64 + "\n", 7, True, ["a"]]
)
def test_a_malformed_checksum_is_rejected_and_not_treated_as_damage(companion, checksum):
    upload = companion.create()
    companion.send(upload, b"whole")

    response = companion.complete(upload, sha256=checksum)

    assert (response.status_code, response.json()["error"]) == (400, "bad-body")
    assert response.json()["message"] == "sha256 is 64 hexadecimal digits."
    assert companion.complete(upload, sha256="").status_code == 200  # empty: no checksum
    ensure_received(b"whole")


def test_a_file_of_another_size_than_declared_is_rejected(companion):
    upload = companion.create(size=3)

    assert companion.get(f"/multipart/{upload}/1", size=4).status_code == 413
    url = companion.get(f"/multipart/{upload}/1").json()["url"]
    requests.put(url, b"four", timeout=60)
    response = companion.complete(upload)

    assert response.status_code == 413
    assert Upload.objects.get().code == "not-as-declared"


def test_a_file_above_the_size_limit_is_rejected(companion, settings):
    settings.MAX_FILE_BYTES = 3
    upload = companion.create()
    url = companion.get(f"/multipart/{upload}/1").json()["url"]
    requests.put(url, b"four", timeout=60)

    assert companion.complete(upload).status_code == 413
    assert companion.post("/multipart", {"filename": "a.jpg", "metadata": {"size": 4}}).status_code == 413


@after_commit
def test_a_duplicate_finishes_like_other_uploads(companion, moto, bucket):
    for _ in range(2):
        upload = companion.create()
        companion.send(upload, b"small")
        assert companion.complete(upload).status_code == 200

    assert [*Upload.objects.values_list("state", "code")] == [("received", ""), ("refused", "duplicate")]
    assert len(moto.names(bucket.bucket)) == 1


@after_commit
def test_an_aborted_upload_leaves_nothing(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")

    assert companion.abort(upload).status_code == 200

    assert Upload.objects.get().state == UploadState.CANCELLED
    assert moto.multiparts(bucket.bucket) == []
    assert companion.get(f"/multipart/{upload}/1").status_code == 410


@after_commit
def test_a_file_posted_to_the_bucket_is_handed_over_by_the_sweep(companion, moto, bucket):
    params = companion.get("/params", filename="IMG_1.JPG", type="image/jpeg").json()
    requests.post(params["url"], params["fields"], files={"file": b"small"}, timeout=60).raise_for_status()
    make_stale()

    assert sweep.sweep().handed_over == 1

    ensure_received(b"small")
    assert Upload.objects.get().name == "IMG_1.JPG"


def test_posting_to_the_bucket_again_does_not_change_a_received_file(companion):
    params = companion.get("/params", filename="IMG_1.JPG").json()
    requests.post(params["url"], params["fields"], files={"file": b"small"}, timeout=60)
    make_stale()
    sweep.sweep()

    requests.post(params["url"], params["fields"], files={"file": b"other"}, timeout=60).raise_for_status()

    with store().open_local(Upload.objects.get().key) as path:
        assert path.read_bytes() == b"small"


def test_a_large_file_is_read_back_by_a_worker(companion, monkeypatch):
    monkeypatch.setattr(multipart, "MAX_SYNC_READBACK_BYTES", 4)
    upload = companion.create(size=5)
    companion.send(upload, b"small")

    response = companion.complete(upload)
    assert (response.status_code, response.json()["state"], response["Retry-After"]) == (202, "checking", "2")
    assert not ProcessingJob.objects.exists()
    wakeup_count = wakeup.pending_count()
    assert companion.complete(upload).status_code == 202
    assert wakeup.pending_count() == wakeup_count  # completing again sends no second wakeup

    multipart.finish_by_id(uuid.UUID(upload))
    assert companion.complete(upload).json()["state"] == "received"
    ensure_received(b"small")


def test_the_sweep_sends_a_lost_message_about_a_large_file_again(companion, monkeypatch):
    monkeypatch.setattr(multipart, "MAX_SYNC_READBACK_BYTES", 4)
    upload = companion.create(size=5)
    companion.send(upload, b"small")
    companion.complete(upload)
    HUEY.storage.flush_queue()
    make_stale()

    sweep.sweep()
    messages = [HUEY.dequeue() for _ in range(wakeup.pending_count())]

    assert [message.args for message in messages if message.name == "hand_over"] == [(upload,)]


def test_a_file_of_one_empty_part_is_rejected_as_empty(companion):
    upload = companion.create()
    requests.put(companion.get(f"/multipart/{upload}/1").json()["url"], b"", timeout=60).raise_for_status()

    response = companion.complete(upload)

    assert (response.status_code, response.json()["error"]) == (422, "empty-file")


def test_a_client_reports_the_bytes_that_it_has_sent(companion):
    upload = companion.create(size=10)

    assert companion.post(f"/multipart/{upload}/arrived?bytes=4").status_code == 204
    assert Upload.objects.get().arrived == 4

    companion.post(f"/multipart/{upload}/arrived?bytes=4711")
    assert Upload.objects.get().arrived == 10
