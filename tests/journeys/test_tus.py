"""tus 1.0.0 through HTTP: exact status codes, offsets and headers."""

import base64
import errno
import hashlib
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.storage import store
from processing.uploads import batches
from processing.uploads import lifecycle as uploads
from tests.processing import making

pytestmark = pytest.mark.django_db

VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def create(client, album, length: int | None = 10, name: str = "IMG_1.JPG", **more: str):
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers = VERSION | size | {"Upload-Metadata": f"filename {b64(name.encode())}"} | more
    return client.generic("POST", f"/albums/{album.pk}/uploads/tus/", headers=headers)


def path_of(response) -> str:
    return response["Location"].removeprefix("http://testserver")


def patch(client, path: str, offset: int, body: bytes, content_type: str = OCTETS, **more: str):
    headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": content_type} | more
    return client.generic("PATCH", path, body, content_type=content_type, headers=headers)


def head(client, path: str):
    return client.head(path, headers=VERSION)


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {b64(hashlib.new(algorithm, content, usedforsecurity=False).digest())}"


def test_the_server_tells_what_it_can(signed_in, album, settings):
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

    assert [(r.status_code, r["Upload-Offset"]) for r in (first, second)] == [(204, "100"), (204, str(len(content)))]
    job = ProcessingJob.objects.get()
    assert (job.original_filename, job.batch.source) == ("IMG_1.JPG", Batch.Source.TUS)
    assert (data_dir / job.raw_path).read_bytes() == content
    assert job.upload.sha256 == hashlib.sha256(content).hexdigest()
    assert [p.name for p in (stored / "incoming").iterdir()] == [str(job.upload_id)]


def test_creation_answers_an_absolute_address_and_an_expiry(signed_in, album):
    response = create(signed_in, album)

    assert (response.status_code, response["Upload-Offset"]) == (201, "0")
    assert response["Location"] == f"http://testserver/uploads/{Upload.objects.get().pk}/"
    assert response["Upload-Expires"].endswith("GMT")


def test_head_tells_offset_and_length_and_is_never_kept(signed_in, album):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    response = head(signed_in, path)

    assert (response.status_code, response["Upload-Offset"], response["Upload-Length"]) == (200, "4", "10")
    assert response["Cache-Control"] == "no-store"


def test_the_first_bytes_may_come_with_the_creation(signed_in, album):
    headers = VERSION | {"Upload-Length": "10"}

    response = signed_in.generic(
        "POST", f"/albums/{album.pk}/uploads/tus/", b"1234", content_type=OCTETS, headers=headers
    )

    assert (response.status_code, response["Upload-Offset"]) == (201, "4")


def test_a_length_may_be_told_late(signed_in, album):
    path = path_of(create(signed_in, album, None))
    assert head(signed_in, path)["Upload-Defer-Length"] == "1"
    patch(signed_in, path, 0, b"1234")

    response = patch(signed_in, path, 4, b"567890", **{"Upload-Length": "10"})

    assert response["Upload-Offset"] == "10"
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize(("late", "status"), [("3", 400), ("99999999", 413)])
def test_a_late_length_that_cannot_be_is_refused(signed_in, album, settings, late, status):
    settings.MAX_FILE_BYTES = 100
    path = path_of(create(signed_in, album, None))
    patch(signed_in, path, 0, b"1234")

    assert patch(signed_in, path, 4, b"5", **{"Upload-Length": late}).status_code == status


@pytest.mark.parametrize("offset", [0, 3, 5, 10, 10**12])
def test_a_wrong_offset_is_told_with_the_right_one(signed_in, album, offset):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    response = patch(signed_in, path, offset, b"x")

    assert (response.status_code, response["Upload-Offset"]) == (409, "4")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_part_with_its_checksum_is_taken(signed_in, album, algorithm):
    path = path_of(create(signed_in, album))

    response = patch(signed_in, path, 0, b"12345", **{"Upload-Checksum": checksum(algorithm, b"12345")})

    assert (response.status_code, response["Upload-Offset"]) == (204, "5")


def test_a_damaged_part_is_refused_and_counts_for_nothing(signed_in, album):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"12")

    response = patch(signed_in, path, 2, b"345", **{"Upload-Checksum": checksum("sha1", b"other")})

    assert response.status_code == 460
    assert head(signed_in, path)["Upload-Offset"] == "2"


def test_too_large_is_refused_at_creation(signed_in, album, settings):
    settings.MAX_FILE_BYTES = 100

    assert create(signed_in, album, 101).status_code == 413
    assert Upload.objects.count() == 0


def test_more_than_the_length_is_refused(signed_in, album):
    path = path_of(create(signed_in, album, 10))

    assert patch(signed_in, path, 0, b"12345678901").status_code == 413
    assert head(signed_in, path)["Upload-Offset"] == "0"


def test_an_upload_can_be_taken_back(signed_in, album, data_dir, django_capture_on_commit_callbacks):
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
    uploads.expire(Upload.objects.get())

    assert head(signed_in, path).status_code == 410


def test_bytes_put_off_the_expiry(signed_in, album):
    path = path_of(create(signed_in, album))
    before = timezone.now()
    Upload.objects.update(expires_at=before + timedelta(minutes=5))

    patch(signed_in, path, 0, b"1")

    assert Upload.objects.get().expires_at > before + timedelta(minutes=29)


def test_a_finished_upload_still_tells_its_offset_and_takes_nothing(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    patch(signed_in, path, 0, b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert patch(signed_in, path, 3, b"").status_code == 204
    assert patch(signed_in, path, 3, b"4").status_code == 403
    assert signed_in.delete(path, headers=VERSION).status_code == 403
    assert ProcessingJob.objects.get().state == JobState.PENDING


def test_a_hand_over_that_failed_unseen_is_repeated_by_head(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    growing = store().grow(Upload.objects.get().key)
    growing.fence()
    growing.append(b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert ProcessingJob.objects.count() == 1


def test_a_hand_over_that_failed_unseen_is_repeated_for_who_sends_from_a_wrong_offset(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    growing = store().grow(Upload.objects.get().key)
    growing.fence()
    growing.append(b"123")

    response = patch(signed_in, path, 0, b"123")

    assert (response.status_code, response["Upload-Offset"]) == (409, "3")
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize("committed", [False, True])
def test_a_hand_over_that_failed_unseen_is_repeated_by_the_sweep(signed_in, album, committed):
    from processing.maintenance import sweep as recovery

    create(signed_in, album, 3)
    growing = store().grow(Upload.objects.get().key)
    growing.fence()
    growing.append(b"123")
    if committed:
        Upload.objects.update(arrived=3)  # as it is told before the bytes go on to a bucket
        growing.commit()
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=29))

    assert recovery.sweep().handed_over == 1
    assert ProcessingJob.objects.count() == 1


def test_a_sweep_leaves_an_upload_on_its_way_alone(signed_in, album):
    from processing.maintenance import sweep as maintenance_recovery

    path = path_of(create(signed_in, album, 3))
    patch(signed_in, path, 0, b"12")
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=29))

    assert maintenance_recovery.sweep().handed_over == 0
    assert patch(signed_in, path, 2, b"3").status_code in (204, 409)


def test_uploads_join_the_open_batch_of_their_sender(signed_in, album):
    create(signed_in, album, name="1.jpg")
    create(signed_in, album, name="2.jpg")

    assert (Batch.objects.count(), Upload.objects.count()) == (1, 2)


def test_an_album_busy_with_somebody_elses_batch_takes_none(signed_in, album, admin):
    batches.open_with_upload(album, admin, Batch.Source.FORM, "theirs.jpg")

    response = create(signed_in, album)

    assert (response.status_code, response.json()["error"]) == (409, "album-busy")
    assert response.has_header("Retry-After")


@pytest.mark.parametrize("source", [Batch.Source.FORM, Batch.Source.PAGE])
def test_an_upload_joins_its_senders_running_batch(signed_in, album, owner, source):
    running = batches.open_with_upload(album, owner, source, "mine.jpg").batch

    assert create(signed_in, album).status_code == 201
    assert Upload.objects.get(name="IMG_1.JPG").batch == running


def test_a_batch_takes_so_many_files(signed_in, album, settings):
    settings.MAX_BATCH_FILES = 1
    create(signed_in, album, name="1.jpg")

    assert create(signed_in, album, name="2.jpg").status_code == 413
    assert Upload.objects.get(name="2.jpg").code == "too-many-files"


def test_an_empty_file_is_finished_and_refused_with_its_reason(signed_in, album):
    response = create(signed_in, album, 0)

    assert (response.status_code, response["Upload-Offset"]) == (201, "0")
    assert (Upload.objects.get().state, Upload.objects.get().code) == (UploadState.REFUSED, "empty-file")


def test_the_same_bytes_again_are_finished_and_told_as_a_duplicate(signed_in, album):
    for name in ("1.jpg", "2.jpg"):
        path = path_of(create(signed_in, album, 3, name=name))
        patch(signed_in, path, 0, b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert (ProcessingJob.objects.count(), Upload.objects.get(name="2.jpg").code) == (1, "duplicate")


def test_methods_may_be_told_in_a_header(signed_in, album):
    path = path_of(create(signed_in, album))
    headers = VERSION | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

    assert signed_in.generic("POST", path, b"12", content_type=OCTETS, headers=headers).status_code == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_other_methods_are_refused(signed_in, album, method):
    path = path_of(create(signed_in, album))

    assert signed_in.generic(method, path, headers=VERSION).status_code == 405


def test_junk_is_refused_with_words_and_never_an_error_of_ours(signed_in, album):
    path = path_of(create(signed_in, album))
    answers = [
        create(signed_in, album, **{"Upload-Length": "junk"}),
        create(signed_in, album, **{"Upload-Metadata": "junk ***"}),
        patch(signed_in, path, 0, b"x", content_type="text/plain"),
        patch(signed_in, path, 0, b"x", **{"Tus-Resumable": "9.9.9"}),
        patch(signed_in, path, 0, b"x", **{"Upload-Offset": "-1"}),
        patch(signed_in, path, 0, b"x", **{"Upload-Checksum": "junk"}),
        signed_in.generic("POST", f"/albums/{album.pk}/uploads/tus/", b"x", content_type="text/plain", headers=VERSION),
    ]

    assert [a.status_code for a in answers] == [400, 400, 415, 412, 400, 400, 415]
    assert {a["Tus-Resumable"] for a in answers} == {"1.0.0"}
    assert all(a.json()["message"] for a in answers)
    assert Upload.objects.count() == 1


def test_who_is_not_signed_in_is_told_so_and_not_sent_elsewhere(album):
    response = create(Client(), album)

    assert (response.status_code, response["Tus-Resumable"]) == (401, "1.0.0")


def test_a_forged_request_is_refused(owner, album):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = create(client, album)

    assert (response.status_code, response.json()["error"], response["Tus-Resumable"]) == (403, "csrf", "1.0.0")


def test_an_upload_of_somebody_else_does_not_exist(signed_in, album, admin):
    path = path_of(create(signed_in, album))
    other = Client()
    other.force_login(admin)

    answers = [head(other, path), patch(other, path, 0, b"x"), other.delete(path, headers=VERSION)]

    assert {(a.status_code, a["Tus-Resumable"]) for a in answers} == {(404, "1.0.0")}


def test_an_album_of_somebody_else_takes_no_uploads(album, stranger):
    client = Client()
    client.force_login(stranger)

    assert create(client, album).status_code == 404


def test_an_upload_that_there_is_no_room_for_locks_nothing(signed_in, album, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    response = create(signed_in, album, 10)

    assert (response.status_code, response.json()["error"], response["Retry-After"]) == (507, "disk-full", "30")
    assert Upload.objects.count() == 0


def test_while_memory_is_short_the_sender_is_asked_to_come_back(signed_in, album, settings):
    path = path_of(create(signed_in, album, 10))
    settings.MEMORY_MARK = 0

    response = patch(signed_in, path, 0, b"01234")

    assert (response.status_code, response.json()["error"], response["Retry-After"]) == (503, "memory-pressure", "30")
    assert (response["Upload-Offset"], response["Tus-Resumable"]) == ("0", "1.0.0")


def test_a_disk_that_fills_up_in_the_middle_of_a_part_is_told_in_words(signed_in, album, monkeypatch):
    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = path_of(create(signed_in, album, 10))
    with monkeypatch.context() as patched:
        patched.setattr("processing.storage.local.partial_file.LocalPartialFile.append", no_room)
        response = patch(signed_in, path, 0, b"01234")

    assert (response.status_code, response.json()["error"], response["Tus-Resumable"]) == (507, "disk-full", "1.0.0")
    assert head(signed_in, path)["Upload-Offset"] == "0"


def test_a_full_disk_is_told_and_nothing_is_lost(signed_in, album, settings):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"12")
    settings.MIN_FREE_BYTES = 1 << 60

    response = patch(signed_in, path, 2, b"3")

    assert (response.status_code, response["Upload-Offset"]) == (507, "2")


def test_the_panel_counts_what_is_on_its_way(signed_in, album):
    create(signed_in, album)

    panel = signed_in.get(f"/albums/{album.pk}/uploads/status/").context["panel"]

    assert (panel.progress.receiving, panel.progress.is_busy) == (1, True)


def test_developing_starts_while_others_are_on_their_way(signed_in, album):
    path = path_of(create(signed_in, album, 3, name="1.jpg"))
    create(signed_in, album, 3, name="2.jpg")

    patch(signed_in, path, 0, b"123")

    assert jobs.claim_next("tester").original_filename == "1.jpg"


def test_two_albums_are_independent(signed_in, album, owner):
    create(signed_in, album)

    assert create(signed_in, Album.objects.create(title="Winter", owner=owner)).status_code == 201
