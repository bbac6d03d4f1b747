"""tus 1.0.0 through HTTP: exact status codes, offsets and headers."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.storage import store
from processing.uploads import lifecycle
from tests.journeys.uploads.tus_client import OCTETS, VERSION, checksum, create, head, patch, path_of
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_options_returns_the_supported_extensions_and_limits(signed_in, album, settings):
    response = signed_in.options(f"/albums/{album.pk}/uploads/tus/")

    assert response.status_code == 204
    assert response["Tus-Version"] == response["Tus-Resumable"] == "1.0.0"
    assert (
        response["Tus-Extension"]
        == "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
    )
    assert response["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"
    assert response["Tus-Max-Size"] == str(settings.MAX_FILE_BYTES)


def test_a_file_in_two_parts_becomes_a_job(signed_in, album, data_dir, stored):
    content = making.jpeg()
    path = path_of(create(signed_in, album, len(content)))
    assert head(signed_in, path)["Upload-Offset"] == "0"

    first = patch(signed_in, path, 0, content[:100])
    second = patch(signed_in, path, 100, content[100:])

    assert [(response.status_code, response["Upload-Offset"]) for response in (first, second)] == [
        (204, "100"),
        (204, str(len(content))),
    ]
    job = ProcessingJob.objects.get()
    assert (job.original_filename, job.batch.source) == ("IMG_1.JPG", Batch.Source.TUS)
    assert (data_dir / job.raw_path).read_bytes() == content
    assert job.upload.sha256 == hashlib.sha256(content).hexdigest()
    assert [p.name for p in (stored / "incoming").iterdir()] == [str(job.upload_id)]


def test_creation_returns_an_absolute_address_and_an_expiry(signed_in, album):
    response = create(signed_in, album)

    assert (response.status_code, response["Upload-Offset"]) == (201, "0")
    assert response["Location"] == f"http://testserver/uploads/{Upload.objects.get().pk}/"
    assert response["Upload-Expires"].endswith("GMT")


def test_head_returns_offset_and_length_and_is_not_cached(signed_in, album):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    response = head(signed_in, path)

    assert (response.status_code, response["Upload-Offset"], response["Upload-Length"]) == (200, "4", "10")
    assert response["Cache-Control"] == "no-store"


def test_creation_accepts_the_first_bytes(signed_in, album):
    headers = VERSION | {"Upload-Length": "10"}

    response = signed_in.generic(
        "POST", f"/albums/{album.pk}/uploads/tus/", b"1234", content_type=OCTETS, headers=headers
    )

    assert (response.status_code, response["Upload-Offset"]) == (201, "4")


def test_a_deferred_length_can_be_sent_later(signed_in, album):
    path = path_of(create(signed_in, album, None))
    assert head(signed_in, path)["Upload-Defer-Length"] == "1"
    patch(signed_in, path, 0, b"1234")

    response = patch(signed_in, path, 4, b"567890", **{"Upload-Length": "10"})

    assert response["Upload-Offset"] == "10"
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize(("late_length", "status"), [("3", 400), ("99999999", 413)])
def test_an_impossible_deferred_length_is_rejected(signed_in, album, settings, late_length, status):
    settings.MAX_FILE_BYTES = 100
    path = path_of(create(signed_in, album, None))
    patch(signed_in, path, 0, b"1234")

    assert patch(signed_in, path, 4, b"5", **{"Upload-Length": late_length}).status_code == status


@pytest.mark.parametrize("offset", [0, 3, 5, 10, 10**12])
def test_a_wrong_offset_gets_409_with_the_right_one(signed_in, album, offset):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    response = patch(signed_in, path, offset, b"x")

    assert (response.status_code, response["Upload-Offset"]) == (409, "4")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_chunk_with_a_matching_checksum_is_accepted(signed_in, album, algorithm):
    path = path_of(create(signed_in, album))

    response = patch(signed_in, path, 0, b"12345", **{"Upload-Checksum": checksum(algorithm, b"12345")})

    assert (response.status_code, response["Upload-Offset"]) == (204, "5")


def test_a_chunk_with_a_wrong_checksum_is_rejected_and_not_counted(signed_in, album):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"12")

    response = patch(signed_in, path, 2, b"345", **{"Upload-Checksum": checksum("sha1", b"other")})

    assert response.status_code == 460
    assert head(signed_in, path)["Upload-Offset"] == "2"


def test_a_too_large_upload_is_rejected_at_creation(signed_in, album, settings):
    settings.MAX_FILE_BYTES = 100

    assert create(signed_in, album, 101).status_code == 413
    assert Upload.objects.count() == 0


def test_more_bytes_than_the_length_are_rejected(signed_in, album):
    path = path_of(create(signed_in, album, 10))

    assert patch(signed_in, path, 0, b"12345678901").status_code == 413
    assert head(signed_in, path)["Upload-Offset"] == "0"


def test_an_upload_can_be_terminated(signed_in, album, data_dir, django_capture_on_commit_callbacks):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    with django_capture_on_commit_callbacks(execute=True):
        response = signed_in.delete(path, headers=VERSION)

    assert response.status_code == 204
    assert list((data_dir / "incoming").iterdir()) == []
    assert {head(signed_in, path).status_code, patch(signed_in, path, 4, b"5").status_code} == {410}
    assert not Batch.objects.active().exists()


def test_an_expired_upload_is_gone(signed_in, album):
    path = path_of(create(signed_in, album))
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    lifecycle.expire(Upload.objects.get())

    assert head(signed_in, path).status_code == 410


def test_received_bytes_postpone_the_expiry(signed_in, album):
    path = path_of(create(signed_in, album))
    before = timezone.now()
    Upload.objects.update(expires_at=before + timedelta(minutes=5))

    patch(signed_in, path, 0, b"1")

    assert Upload.objects.get().expires_at > before + timedelta(minutes=29)


def test_a_finished_upload_returns_its_offset_and_accepts_no_more_bytes(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    patch(signed_in, path, 0, b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert patch(signed_in, path, 3, b"").status_code == 204
    assert patch(signed_in, path, 3, b"4").status_code == 403
    assert signed_in.delete(path, headers=VERSION).status_code == 403
    assert ProcessingJob.objects.get().state == JobState.PENDING


def test_head_hands_over_a_complete_upload_without_a_job(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert ProcessingJob.objects.count() == 1


def test_a_patch_with_a_wrong_offset_hands_over_a_complete_upload_without_a_job(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"123")

    response = patch(signed_in, path, 0, b"123")

    assert (response.status_code, response["Upload-Offset"]) == (409, "3")
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize("committed", [False, True])
def test_the_sweep_hands_over_a_complete_upload_without_a_job(signed_in, album, committed):
    from processing.maintenance import sweep

    create(signed_in, album, 3)
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"123")
    if committed:
        Upload.objects.update(arrived=3)  # as it is stored before the bytes are sent on to a bucket
        partial_file.commit()
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=29))

    assert sweep.sweep().handed_over == 1
    assert ProcessingJob.objects.count() == 1


def test_the_sweep_leaves_an_upload_in_progress_alone(signed_in, album):
    from processing.maintenance import sweep as maintenance_sweep

    path = path_of(create(signed_in, album, 3))
    patch(signed_in, path, 0, b"12")
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=29))

    assert maintenance_sweep.sweep().handed_over == 0
    assert patch(signed_in, path, 2, b"3").status_code in (204, 409)


def test_uploads_join_the_open_batch_of_their_sender(signed_in, album):
    create(signed_in, album, name="1.jpg")
    create(signed_in, album, name="2.jpg")

    assert (Batch.objects.count(), Upload.objects.count()) == (1, 2)


def test_a_method_can_be_overridden_by_a_header(signed_in, album):
    path = path_of(create(signed_in, album))
    headers = VERSION | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

    assert signed_in.generic("POST", path, b"12", content_type=OCTETS, headers=headers).status_code == 204


def test_the_panel_counts_uploads_in_progress(signed_in, album):
    create(signed_in, album)

    panel = signed_in.get(f"/albums/{album.pk}/uploads/status/").context["panel"]

    assert (panel.progress.receiving, panel.progress.is_busy) == (1, True)


def test_processing_starts_while_other_uploads_are_in_progress(signed_in, album):
    path = path_of(create(signed_in, album, 3, name="1.jpg"))
    create(signed_in, album, 3, name="2.jpg")

    patch(signed_in, path, 0, b"123")

    assert jobs.claim_next("tester").original_filename == "1.jpg"


def test_an_upload_in_one_album_does_not_lock_another(signed_in, album, owner):
    create(signed_in, album)

    assert create(signed_in, Album.objects.create(title="Winter", owner=owner)).status_code == 201
