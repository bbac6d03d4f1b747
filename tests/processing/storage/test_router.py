"""Disk and bucket in one installation: every file is found by its key, in both."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from albums.models import Photo
from config.http import health
from processing.integrity import consistency, post_write, scrub
from processing.maintenance import reclaim, sweep
from processing.models import Upload
from processing.models.states import JobState
from processing.rendering import worker
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.s3 import config as s3_config
from processing.storage.s3 import s3_client as bucket_
from processing.storage.storage_errors import StorageError
from tests.processing import making

pytestmark = pytest.mark.django_db


def developed_photo(album, content: bytes | None = None) -> Photo:
    """Returns a photo that was received and developed at the current location of new files."""
    job = making.received(album, content or making.jpeg())
    assert worker.develop_next()
    return Photo.objects.get(job=job)


def put(key: str, content: bytes = b"bytes") -> str:
    receiving = store().receive(key)
    receiving.write(content)
    receiving.commit()
    return key


@pytest.fixture
def bucket_keys(moto, bucket):
    """Returns the keys of all files in the bucket."""

    def list_keys() -> list[str]:
        pages = moto.client().get_paginator("list_objects_v2").paginate(Bucket=bucket.bucket, Prefix=bucket.prefix)
        return [bucket.key(item["Key"]) for page in pages for item in page.get("Contents", ())]

    return list_keys


@pytest.fixture
def without_bucket(settings):
    """Configures no bucket."""
    settings.S3_BUCKET = ""


class TestKeys:
    def test_new_uploads_go_to_the_bucket_if_one_is_configured(self, bucket, settings, album):
        bucket_upload = making.upload(album)
        settings.S3_BUCKET = ""
        disk_upload = making.upload(album, batch=bucket_upload.batch)

        assert (bucket_upload.key, disk_upload.key) == (f"s3/incoming/{bucket_upload.pk}", f"incoming/{disk_upload.pk}")
        assert Upload.objects.get(pk=bucket_upload.pk).key == bucket_upload.key

    def test_files_are_copied_between_disk_and_bucket(self, bucket):
        put("incoming/1", b"from here")
        put("s3/incoming/2", b"from there")

        store().copy_or_link("incoming/1", "s3/originals/ab/1.jpg")
        store().copy_or_link("s3/incoming/2", "originals/ab/2.jpg")

        with store().open_local("s3/originals/ab/1.jpg") as path:
            assert path.read_bytes() == b"from here"
        with store().open_local("originals/ab/2.jpg") as path:
            assert path.read_bytes() == b"from there"

    def test_a_file_in_a_bucket_that_is_no_longer_configured_raises_an_error(self, bucket, settings):
        key = put("s3/incoming/1")
        settings.S3_BUCKET = ""

        with pytest.raises(StorageError, match="Restore S3_BUCKET") as raised:
            store().exists(key)
        assert raised.value.code == "s3-unset"
        assert locations.in_use() == (storage_keys.DISK,)

    @pytest.mark.parametrize("prefix", ["photos", "/photos", "photos/", "/photos/"])
    def test_a_prefix_is_normalised_to_a_folder(self, prefix):
        assert s3_config.normalised_prefix(prefix) == "photos/"
        assert s3_config.normalised_prefix("/") == ""


class TestWork:
    def test_a_photo_is_stored_in_the_bucket_and_leaves_no_bytes_on_the_disk(
        self, bucket, bucket_keys, album, data_dir, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            photo = developed_photo(album)

        assert sorted(storage_keys.BUCKET + name for name in bucket_keys()) == sorted(
            [photo.original_key, *photo.renditions.values_list("key", flat=True)]
        )
        remaining_files = [path.relative_to(data_dir) for path in data_dir.rglob("*") if path.is_file()]
        assert {path.parts[0] for path in remaining_files} <= {"sandbox"}  # lock files of the decoder's workspace
        assert all((data_dir / path).stat().st_size == 0 for path in remaining_files)

    def test_a_photo_is_read_back_from_the_bucket(self, bucket, album):
        photo = developed_photo(album)

        assert post_write.verify_next()

        photo.refresh_from_db()
        assert photo.verified_at

    def test_the_background_check_reads_files_at_both_locations(self, bucket, settings, album):
        developed_photo(album)
        settings.S3_BUCKET, bucket_name = "", settings.S3_BUCKET
        developed_photo(album)
        settings.S3_BUCKET = bucket_name

        assert scrub.step() == 2
        assert Photo.objects.filter(verified_at=None).count() == 0

    def test_a_broken_connection_is_not_reported_as_a_finding(self, bucket, settings, album):
        photo = developed_photo(album)
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert (post_write.verify_next(), scrub.step()) == (False, 0)

        photo.refresh_from_db()
        assert (photo.checked_at, photo.findings.count()) == (None, 0)

    def test_a_job_waits_for_a_bucket_that_cannot_be_reached(self, bucket, settings, album):
        job = making.received(album)
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert worker.develop_next() is False

        job.refresh_from_db()
        assert (job.state, job.attempts) == (JobState.PENDING, 0)

    def test_a_missing_bucket_fails_a_job_at_once(self, bucket, settings, album):
        job = making.received(album)
        settings.S3_BUCKET = "nowhere"

        worker.develop_next()

        job.refresh_from_db()
        assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "s3-bucket-missing", 1)

    @pytest.mark.servers
    def test_wrong_access_keys_fail_a_job_at_once_and_it_can_be_retried(self, rgw, settings, album):
        for name, value in rgw.new_prefix().items():
            setattr(settings, name, value)
        job = making.received(album)
        settings.S3_SECRET_KEY, correct_key = "wrong", settings.S3_SECRET_KEY

        worker.develop_next()

        job.refresh_from_db()
        assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "s3-credentials", 1)
        assert job.error_message.startswith("The bucket rejects the server's keys")
        settings.S3_SECRET_KEY = correct_key
        call_command("requeue_failed", "--code", "s3-credentials")
        worker.develop_next()
        job.refresh_from_db()
        assert job.state == JobState.COMPLETED


class TestResumable:
    """All bytes have arrived, and storing the file in the bucket fails."""

    @pytest.fixture
    def client(self, client, owner):
        client.force_login(owner)
        return client

    def send(self, client, upload: Upload, content: bytes):
        return client.patch(
            reverse("processing:upload", args=[upload.pk]),
            content,
            content_type="application/offset+octet-stream",
            headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"},
        )

    def upload_of_size(self, album, owner, size: int) -> Upload:
        upload = making.upload(album)
        Upload.objects.update(size=size)
        return upload

    def test_a_failed_finish_returns_an_error_and_is_retried_at_the_next_request(
        self, bucket, settings, album, owner, client, bucket_keys
    ):
        content = making.jpeg()
        upload = self.upload_of_size(album, owner, len(content))
        assert store().problem() is None
        events = bucket_.client(bucket).meta.events
        events.register("before-call.s3.PutObject", _raise_connection_error)
        try:
            first_response = self.send(client, upload, content)
        finally:
            events.unregister("before-call.s3.PutObject", _raise_connection_error)
        assert (first_response.status_code, first_response.json()["error"]) == (503, "s3-network")
        assert first_response["Upload-Offset"] == str(len(content))
        assert bucket_keys() == []

        second_response = client.head(
            reverse("processing:upload", args=[upload.pk]), headers={"Tus-Resumable": "1.0.0"}
        )

        assert (second_response.status_code, second_response["Upload-Offset"]) == (200, str(len(content)))
        assert bucket_keys() == [storage_keys.bare(upload.key)]
        assert upload.job.state == JobState.PENDING

    def test_the_sweep_finishes_a_complete_upload_without_further_requests(
        self, bucket, album, owner, data_dir, bucket_keys
    ):
        content = making.jpeg()
        upload = self.upload_of_size(album, owner, len(content))
        (data_dir / f"incoming/{upload.pk}.part").write_bytes(content)
        Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=20))

        assert sweep.sweep().handed_over == 1

        assert bucket_keys() == [storage_keys.bare(upload.key)]
        assert [path for path in data_dir.rglob("*") if path.is_file()] == []


class TestSweep:
    def test_the_sweep_deletes_unreferenced_objects_and_keeps_referenced_ones(self, bucket, bucket_keys, album):
        job = making.received(album)
        put("s3/incoming/0a1b")

        assert sweep.delete_orphans(timezone.now() - timedelta(hours=1)) == 0
        assert sweep.delete_orphans(timezone.now() + timedelta(hours=1)) == 1
        assert bucket_keys() == [storage_keys.bare(job.raw_path)]

    def test_the_sweep_cleans_the_disk_while_the_bucket_is_unreachable(self, bucket, settings, album, data_dir):
        (data_dir / "incoming/0a1b").write_bytes(b"stray")
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert sweep.delete_orphans(timezone.now() + timedelta(hours=1)) == 1
        assert sweep.sweep().strays == 0

    def test_staged_files_in_the_bucket_are_counted(self, bucket, album):
        making.received(album, b"seven b")
        put("s3/incoming/0a1b", b"four")

        usage = reclaim.current()

        assert (usage.waiting, usage.receiving, usage.stray) == (7, 4, 0)

    def test_a_deleted_photo_leaves_no_object(self, bucket, bucket_keys, album, django_capture_on_commit_callbacks):
        photo = developed_photo(album)

        with django_capture_on_commit_callbacks(execute=True):
            photo.delete()
        sweep.sweep()

        assert bucket_keys() == []


class TestVerify:
    def test_files_are_verified_at_both_locations(self, bucket, settings, album):
        bucket_photo = developed_photo(album)
        settings.S3_BUCKET, name = "", settings.S3_BUCKET
        disk_photo = developed_photo(album)
        settings.S3_BUCKET = name
        assert consistency.verify().is_clean

        store().delete(bucket_photo.original_key)
        damaged = bucket_photo.renditions.first().key
        put(damaged, bytes(bucket_photo.renditions.first().bytes))
        orphan = put("s3/originals/ab/orphan.jpg")
        store().delete(disk_photo.original_key)

        findings = consistency.verify()

        assert sorted(findings.missing) == sorted([bucket_photo.original_key, disk_photo.original_key])
        assert (findings.corrupt, findings.orphans) == ([damaged], [orphan])

    def test_a_lost_original_is_restored_from_a_copy_which_is_then_quarantined(self, bucket, album, bucket_keys):
        content = making.jpeg()
        photo = developed_photo(album, content)
        put("s3/originals/ab/copy.jpg", content)
        store().delete(photo.original_key)

        call_command("verify", "--repair")

        with store().open_local(photo.original_key) as path:
            assert path.read_bytes() == content
        assert "quarantine/originals/ab/copy.jpg" in bucket_keys()
        assert consistency.verify().is_clean

    def test_an_unreachable_bucket_is_an_error_and_no_file_is_reported_lost(self, bucket, settings, album):
        photo = developed_photo(album)
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        with pytest.raises(CommandError, match="reach the S3 server"):
            call_command("verify")
        assert photo.findings.count() == 0


class TestBrowsers:
    @pytest.fixture
    def client(self, client, owner):
        client.raise_request_exception = False
        client.force_login(owner)
        return client

    def test_a_rendition_is_redirected_and_the_redirect_may_be_cached(self, bucket, album, client):
        rendition = developed_photo(album).renditions.first()

        first, second = (client.get(rendition.get_absolute_url()) for _ in range(2))

        assert first.status_code == 302
        assert first["Location"].startswith(
            f"{bucket.endpoint}/{bucket.bucket}/{bucket.name(storage_keys.bare(rendition.key))}?"
        )
        assert first["Location"] == second["Location"]
        assert first["Cache-Control"] == "private, max-age=3600"

    def test_a_request_for_a_photo_of_another_user_is_not_redirected(self, bucket, album, client, stranger):
        rendition = developed_photo(album).renditions.first()
        client.force_login(stranger)

        assert client.get(rendition.get_absolute_url()).status_code == 404
        assert client.get(reverse("albums:original", args=[rendition.photo_id])).status_code == 404

    def test_the_raw_file_of_a_failed_job_is_redirected_as_an_attachment(self, bucket, album, client):
        job = making.job_in(album, JobState.FAILED)

        response = client.get(reverse("processing:raw", args=[job.pk]))

        assert response.status_code == 302
        assert "response-content-disposition=attachment" in response["Location"]

    def test_pages_may_show_files_of_the_bucket(self, bucket, client):
        policy = client.get("/albums/")["Content-Security-Policy"]

        assert f"img-src 'self' data: blob: {bucket.endpoint};" in f"{policy};"
        assert f"connect-src 'self' {bucket.endpoint};" in f"{policy};"

    def test_without_a_bucket_the_content_security_policy_allows_no_other_host(self, without_bucket, client):
        assert "img-src 'self' data: blob:;" in client.get("/albums/")["Content-Security-Policy"] + ";"

    def test_a_photo_in_a_bucket_that_is_not_configured_is_explained(self, bucket, settings, album, client):
        rendition = developed_photo(album).renditions.first()
        settings.S3_BUCKET = ""

        response = client.get(rendition.get_absolute_url())

        assert response.status_code == 503
        assert "Restore S3_BUCKET" in response.content.decode()
        assert response["Retry-After"]

    def test_no_photos_are_accepted_while_the_bucket_is_missing(self, bucket, settings, album, client):
        settings.S3_BUCKET = "nowhere"

        response = client.post(
            reverse("processing:receive", args=[album.pk]),
            {"photos": [_file("1.jpg")]},
            headers={"Accept": "application/json"},
        )

        assert (response.status_code, response.json()["error"]) == (503, "s3-bucket-missing")
        assert not Upload.objects.exists()

    def test_the_health_check_covers_the_bucket(self, bucket, settings, client):
        assert client.get("/healthz").json()["storage"] is True

        settings.S3_BUCKET = "nowhere"
        health.health_check.clear()

        assert json.loads(client.get("/healthz").content) == {
            "status": "ill", "web": True, "database": True, "storage": False,
        }  # fmt: skip


def _raise_connection_error(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="the bucket")


def _file(name: str):
    return SimpleUploadedFile(name, making.jpeg())
