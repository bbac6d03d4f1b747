"""A batch declared up front, through HTTP."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.capacity import admission
from processing.maintenance import sweep
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.storage import store
from processing.uploads import batches, lifecycle
from tests.journeys.uploads.manifest_client import declare, file, photo_in, states
from tests.journeys.uploads.tus_client import patch
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_a_batch_opens_with_an_upload_for_each_file(signed_in, album, owner):
    response = declare(signed_in, album, file(b"one", "1.jpg", modified=1_000), file(b"two!", "2.jpg", hashed=False))

    assert states(response) == ["new", "new"]
    payload = response.json()
    batch = Batch.objects.get()
    assert (batch.opened_by, batch.source) == (owner, Batch.Source.PAGE)
    assert (payload["batch"]["id"], payload["batch"]["url"]) == (batch.pk, f"/batches/{batch.pk}/")
    assert (payload["batch"]["mine"], payload["busy"]) == (True, True)
    first, second = batch.uploads.order_by("name")
    assert [entry["upload"] for entry in payload["files"]] == [f"/uploads/{first.pk}/", f"/uploads/{second.pk}/"]
    assert (first.size, first.declared_sha256) == (3, hashlib.sha256(b"one").hexdigest())
    assert first.modified_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert (second.size, second.declared_sha256, second.modified_at) == (4, "", None)


def test_an_album_deleted_during_the_request_is_not_found(signed_in, album, monkeypatch):
    monkeypatch.setattr(admission, "for_new_file", lambda *_: Album.objects.filter(pk=album.pk).delete() and None)

    assert declare(signed_in, album, file(b"late")).status_code == 404


def test_a_declared_file_is_sent_by_tus_and_becomes_a_job(signed_in, album):
    path = declare(signed_in, album, file(b"picture")).json()["files"][0]["upload"]

    assert patch(signed_in, path, 0, b"picture").status_code == 204
    assert ProcessingJob.objects.get().upload.state == UploadState.RECEIVED


def test_declaring_the_same_files_again_resumes_each_where_it_stopped(signed_in, album):
    files = [file(b"half here", "half.jpg"), file(b"whole", "whole.jpg"), file(b"not yet", "new.jpg")]
    partial, complete, new = [declared["upload"] for declared in declare(signed_in, album, *files).json()["files"]]
    patch(signed_in, partial, 0, b"half")
    patch(signed_in, complete, 0, b"whole")

    response = declare(signed_in, album, *files)

    assert states(response) == ["half", "received", "new"]
    entries = response.json()["files"]
    assert [(entry["upload"], entry["offset"]) for entry in entries] == [(partial, 4), (complete, 5), (new, 0)]
    assert Batch.objects.count() == 1
    assert Upload.objects.count() == 3


def test_asking_for_the_offset_does_not_fence_the_writer(signed_in, album):
    path = declare(signed_in, album, file(b"half here")).json()["files"][0]["upload"]
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"half")

    declare(signed_in, album, file(b"half here"))

    partial_file.append(b" ")
    assert patch(signed_in, path, 5, b"here").status_code == 204


def test_a_complete_file_that_was_not_handed_over_is_received_when_declared_again(signed_in, album):
    declare(signed_in, album, file(b"picture"), file(b"another", "2.jpg"))
    partial_file = store().grow(Upload.objects.get(name="IMG_1.JPG").key)
    partial_file.fence()
    partial_file.append(b"picture")
    partial_file.sync()

    assert states(declare(signed_in, album, file(b"picture"), file(b"another", "2.jpg"))) == ["received", "new"]
    assert ProcessingJob.objects.get().original_filename == "IMG_1.JPG"


def test_a_changed_file_does_not_resume_the_upload_of_the_former_one(signed_in, album):
    declare(signed_in, album, file(b"picture", modified=1_000, hashed=False))

    assert states(declare(signed_in, album, file(b"PICTURE", modified=9_000, hashed=False))) == ["later"]
    assert states(declare(signed_in, album, file(b"picture", modified=1_000))) == ["new"]
    assert states(declare(signed_in, album, file(b"Picture", modified=1_000))) == ["later"]


def test_two_files_of_one_name_are_two_uploads(signed_in, album):
    files = [file(b"first", hashed=False), file(b"other", hashed=False)]
    first = declare(signed_in, album, *files).json()["files"]

    assert first == declare(signed_in, album, *files).json()["files"]
    assert len({entry["upload"] for entry in first}) == 2


def test_a_retry_in_an_earlier_batch_does_not_hide_the_receiving_batch(signed_in, album):
    job = making.received(album, b"no picture")
    jobs.fail(jobs.claim_next("tester"), "not-an-image", "It is no picture.", permanent=True)
    path = declare(signed_in, album, file(b"1234567890")).json()["files"][0]["upload"]
    patch(signed_in, path, 0, b"1234")
    assert batches.requeue(ProcessingJob.objects.filter(pk=job.pk), by="owner") == 1

    response = declare(signed_in, album, file(b"1234567890", upload=path))

    assert states(response) == ["half"]
    assert (response.json()["files"][0]["upload"], response.json()["files"][0]["offset"]) == (path, 4)


def test_bytes_that_differ_from_the_declared_checksum_are_rejected(
    signed_in, album, data_dir, django_capture_on_commit_callbacks
):
    path = declare(signed_in, album, file(b"picture")).json()["files"][0]["upload"]

    with django_capture_on_commit_callbacks(execute=True):
        patch(signed_in, path, 0, b"PICTURE")

    upload = Upload.objects.get()
    assert (upload.state, upload.code) == (UploadState.REJECTED, "not-as-declared")
    assert not ProcessingJob.objects.exists()
    assert list((data_dir / "incoming").iterdir()) == []


def test_a_rejected_or_cancelled_file_can_be_declared_again_in_its_batch(signed_in, album):
    files = [file(b"picture", "1.jpg"), file(b"other", "2.jpg"), file(b"third", "3.jpg")]
    first, second, _ = [entry["upload"] for entry in declare(signed_in, album, *files).json()["files"]]
    patch(signed_in, first, 0, b"PICTURE")
    signed_in.generic("DELETE", second, headers={"Tus-Resumable": "1.0.0"})

    response = declare(signed_in, album, *files)

    assert states(response) == ["new", "new", "new"]
    assert response.json()["files"][0]["upload"] != first
    assert patch(signed_in, response.json()["files"][0]["upload"], 0, b"picture").status_code == 204
    assert Upload.objects.count() == 3


def test_files_of_another_batch_wait_while_the_album_is_busy(signed_in, album):
    declare(signed_in, album, file(b"first", "1.jpg"))

    assert states(declare(signed_in, album, file(b"second", "2.jpg"))) == ["later"]
    assert Upload.objects.count() == 1


def test_a_batch_of_another_user_locks_the_album(signed_in, album, admin):
    admin_batch = batches.open_with_upload(album, admin, Batch.Source.FORM, "theirs.jpg").batch

    response = declare(signed_in, album, file(b"mine"))

    assert (response.status_code, response.json()["error"]) == (409, "album-busy")
    batch = response.json()["batch"]
    assert (batch["id"], batch["mine"], batch["total"], batch["uploaded"]) == (admin_batch.pk, False, 1, 0)
    assert response["Retry-After"] == "5"


def test_comparing_files_writes_nothing_and_works_in_a_busy_album(signed_in, album, admin):
    photo_in(album, b"here")
    batches.open_with_upload(album, admin, Batch.Source.FORM, "theirs.jpg")
    count_before = Upload.objects.count()

    response = declare(signed_in, album, file(b"here", "1.jpg"), file(b"new", "2.jpg"), opens=False)

    assert states(response) == ["here", "new"]
    assert response.json()["busy"] is True
    assert [entry["upload"] for entry in response.json()["files"]] == [None, None]
    assert Upload.objects.count() == count_before


def test_empty_large_and_surplus_files_are_rejected_by_name(signed_in, album, settings):
    settings.MAX_FILE_BYTES, settings.MAX_BATCH_FILES = 5, 1

    response = declare(signed_in, album, file(b"", "0.jpg"), file(b"larger", "6.jpg"), file(b"1"), file(b"2", "2.jpg"))

    assert states(response) == ["refused", "refused", "new", "refused"]
    assert [entry["code"] for entry in response.json()["files"]] == ["empty-file", "too-large", "", "too-many-files"]
    assert sorted(Upload.objects.exclude(code="").values_list("name", flat=True)) == ["0.jpg", "2.jpg", "6.jpg"]


def test_a_manifest_of_known_files_creates_a_finished_batch(signed_in, album):
    photo_in(album, b"picture")

    response = declare(signed_in, album, file(b"picture"))

    assert response.json()["busy"] is False
    assert batches.running_in(album) is None
    assert Batch.objects.get(pk=response.json()["batch"]["id"]).uploads.count() == 1


def test_a_manifest_larger_than_the_disk_opens_no_batch(signed_in, album, settings):
    settings.MAX_FILE_BYTES = 10**15

    response = declare(signed_in, album, {"name": "1.tif", "size": 10**14})

    assert (response.status_code, response.json()["error"]) == (507, "disk-full")
    assert response.has_header("Retry-After")
    assert not Batch.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"files": 1}',
        b'{"files": [1]}',
        b'{"files": [{"name": "a"}]}',
        b'{"files": [{"name": "a", "size": -1}]}',
        b'{"files": [{"name": "a", "size": true}]}',
        b'{"files": [{"name": "a", "size": 1e3}]}',
        b'{"files": [{"name": 1, "size": 1}]}',
        b'{"files": [{"name": "a", "size": 1, "sha256": "xyz"}]}',
        b'{"files": [' + b'{"name":"a","size":1},' * 2000 + b'{"name":"a","size":1}]}',
    ],
)
def test_a_malformed_manifest_is_rejected(signed_in, album, body):
    response = signed_in.post(f"/albums/{album.pk}/uploads/manifest/", body, content_type="application/json")

    assert (response.status_code, response.json()["error"]) == (400, "bad-manifest")


@pytest.mark.once
def test_a_manifest_of_wrong_type_or_length_is_rejected(signed_in, album):
    address = f"/albums/{album.pk}/uploads/manifest/"

    assert signed_in.post(address, {"files": "[]"}).status_code == 400
    assert signed_in.post(address, b" " * (5 << 20), content_type="application/json").status_code == 413


@pytest.mark.once
@pytest.mark.parametrize("modified", [None, -1, 1e300, "yesterday", True, float("nan")])
def test_an_invalid_modification_date_is_ignored(signed_in, album, modified):
    assert states(declare(signed_in, album, file(b"1", modified=modified))) == ["new"]
    assert Upload.objects.get().modified_at is None


def test_a_long_manifest_takes_few_queries(signed_in, album, django_assert_max_num_queries):
    files = [file(str(n).encode(), f"{n}.jpg") for n in range(300)]

    with django_assert_max_num_queries(26):
        declare(signed_in, album, *files)
    with django_assert_max_num_queries(26):
        assert set(states(declare(signed_in, album, *files))) == {"new"}


def test_progress_of_one_upload_extends_the_expiry_of_all_in_its_batch(signed_in, album):
    declare(signed_in, album, file(b"first", "1.jpg"), file(b"second", "2.jpg"))
    first, second = Upload.objects.order_by("name")
    expired_at = datetime(2020, 1, 1, tzinfo=UTC)
    Upload.objects.update(expires_at=expired_at)

    lifecycle.touch(first, 3)

    second.refresh_from_db()
    first.refresh_from_db()
    assert first.arrived == 3
    assert first.expires_at == second.expires_at > expired_at


def test_an_upload_that_is_never_sent_expires_and_frees_the_album(signed_in, album):
    files = [file(b"came", "1.jpg"), file(b"stayed away", "2.jpg")]
    received, _ = [entry["upload"] for entry in declare(signed_in, album, *files).json()["files"]]
    patch(signed_in, received, 0, b"came")
    Upload.objects.receiving().update(expires_at=timezone.now() + timedelta(seconds=1500))
    page = signed_in.get(f"/albums/{album.pk}/").content.decode()
    assert "expire in 25 minutes" in page

    Upload.objects.receiving().update(expires_at=timezone.now() - timedelta(seconds=1))
    sweep.sweep()

    assert {upload.name: upload.state for upload in Upload.objects.all()} == {"1.jpg": "received", "2.jpg": "expired"}
    develop_all(album)
    assert batches.running_in(album) is None


def develop_all(album):
    while job := jobs.claim_next("tester"):
        jobs.complete(job, making.photo(album, job), [])


def test_declaring_again_returns_the_outcome_of_received_files(signed_in, album):
    files = [file(b"done"), file(b"broken"), file(b"waits"), file(b"late")]
    entries = declare(signed_in, album, *files).json()["files"]
    for declared, content in zip(entries[:3], (b"done", b"broken", b"waits"), strict=True):
        patch(signed_in, declared["upload"], 0, content)
    job = jobs.claim_next("tester")
    photo = making.photo(album, job)
    jobs.complete(job, photo, [])
    jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")

    entries = declare(signed_in, album, *files, opens=False).json()["files"]

    assert [(entry["state"], entry["photo"], entry["code"], entry["message"]) for entry in entries[:3]] == [
        ("received", f"/photos/{photo.pk}/", "", ""),
        ("received", None, "broken", "The file is damaged."),
        ("received", None, "", ""),
    ]
    assert entries[3]["state"] == "new"
