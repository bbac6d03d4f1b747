"""One house, two places: what is on the disk and what is in the bucket live side by side, each found by its key."""

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
from processing.maintenance import reclaim
from processing.maintenance import sweep as recovery
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


def developed(album, content: bytes | None = None) -> Photo:
    """A photo made where new ones go just now."""
    job = making.received(album, content or making.jpeg())
    assert worker.develop_next()
    return Photo.objects.get(job=job)


def put(key: str, content: bytes = b"bytes") -> str:
    receiving = store().receive(key)
    receiving.write(content)
    receiving.commit()
    return key


@pytest.fixture
def names(moto, bucket):
    """What lies in the bucket, as keys."""

    def there() -> list[str]:
        found = moto.client().get_paginator("list_objects_v2").paginate(Bucket=bucket.bucket, Prefix=bucket.prefix)
        return [bucket.key(each["Key"]) for page in found for each in page.get("Contents", ())]

    return there


@pytest.fixture
def disk(settings):
    """No bucket is set up."""
    settings.S3_BUCKET = ""


class TestKeys:
    def test_new_ones_go_where_a_bucket_is_set_up(self, bucket, settings, album):
        there = making.upload(album)
        settings.S3_BUCKET = ""
        here = making.upload(album, batch=there.batch)

        assert (there.key, here.key) == (f"s3/incoming/{there.pk}", f"incoming/{here.pk}")
        assert Upload.objects.get(pk=there.pk).key == there.key

    def test_bytes_are_kept_across_places(self, bucket):
        put("incoming/1", b"from here")
        put("s3/incoming/2", b"from there")

        store().copy_or_link("incoming/1", "s3/originals/ab/1.jpg")
        store().copy_or_link("s3/incoming/2", "originals/ab/2.jpg")

        with store().open_local("s3/originals/ab/1.jpg") as path:
            assert path.read_bytes() == b"from here"
        with store().open_local("originals/ab/2.jpg") as path:
            assert path.read_bytes() == b"from there"

    def test_what_is_in_a_bucket_that_is_not_set_up_any_more_is_told(self, bucket, settings):
        key = put("s3/incoming/1")
        settings.S3_BUCKET = ""

        with pytest.raises(StorageError, match="Restore S3_BUCKET") as raised:
            store().exists(key)
        assert raised.value.code == "s3-unset"
        assert locations.in_use() == (storage_keys.DISK,)

    @pytest.mark.parametrize("prefix", ["photos", "/photos", "photos/", "/photos/"])
    def test_a_prefix_is_a_folder_however_it_is_written(self, prefix):
        assert s3_config.normalised_prefix(prefix) == "photos/"
        assert s3_config.normalised_prefix("/") == ""


class TestWork:
    def test_a_photo_lies_in_the_bucket_and_nothing_of_it_on_the_disk(
        self, bucket, names, album, data_dir, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            photo = developed(album)

        assert sorted(storage_keys.BUCKET + name for name in names()) == sorted(
            [photo.original_key, *photo.renditions.values_list("key", flat=True)]
        )
        left = [path.relative_to(data_dir) for path in data_dir.rglob("*") if path.is_file()]
        assert {path.parts[0] for path in left} <= {"sandbox"}  # locks of the decoder's workspace
        assert all((data_dir / path).stat().st_size == 0 for path in left)

    def test_it_is_read_back_from_there(self, bucket, album):
        photo = developed(album)

        assert post_write.verify_next()

        photo.refresh_from_db()
        assert photo.verified_at

    def test_the_background_check_reads_both_places(self, bucket, settings, album):
        developed(album)
        settings.S3_BUCKET, name = "", settings.S3_BUCKET
        developed(album)
        settings.S3_BUCKET = name

        assert scrub.step() == 2
        assert Photo.objects.filter(verified_at=None).count() == 0

    def test_a_line_that_breaks_is_no_finding(self, bucket, settings, album):
        photo = developed(album)
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert (post_write.verify_next(), scrub.step()) == (False, 0)

        photo.refresh_from_db()
        assert (photo.checked_at, photo.findings.count()) == (None, 0)

    def test_work_waits_for_a_bucket_that_cannot_be_reached(self, bucket, settings, album):
        job = making.received(album)
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert worker.develop_next() is False

        job.refresh_from_db()
        assert (job.state, job.attempts) == (JobState.PENDING, 0)

    def test_a_bucket_that_is_gone_fails_a_job_at_once(self, bucket, settings, album):
        job = making.received(album)
        settings.S3_BUCKET = "nowhere"

        worker.develop_next()

        job.refresh_from_db()
        assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "s3-bucket-missing", 1)

    @pytest.mark.servers
    def test_wrong_keys_fail_a_job_at_once_and_it_can_be_tried_again(self, rgw, settings, album):
        for name, value in rgw.new_prefix().items():
            setattr(settings, name, value)
        job = making.received(album)
        settings.S3_SECRET_KEY, right = "wrong", settings.S3_SECRET_KEY

        worker.develop_next()

        job.refresh_from_db()
        assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "s3-credentials", 1)
        assert job.error_message.startswith("The bucket rejects the server's keys")
        settings.S3_SECRET_KEY = right
        call_command("requeue_failed", "--code", "s3-credentials")
        worker.develop_next()
        job.refresh_from_db()
        assert job.state == JobState.COMPLETED


class TestResumable:
    """The last byte is here, and the bucket does not take the file."""

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

    def expected(self, album, owner, size: int) -> Upload:
        upload = making.upload(album)
        Upload.objects.update(size=size)
        return upload

    def test_it_is_told_with_words_and_taken_when_it_is_asked_again(
        self, bucket, settings, album, owner, client, names
    ):
        content = making.jpeg()
        upload = self.expected(album, owner, len(content))
        assert store().trouble() is None
        events = bucket_.client(bucket).meta.events
        events.register("before-call.s3.PutObject", _breaks)
        try:
            refused = self.send(client, upload, content)
        finally:
            events.unregister("before-call.s3.PutObject", _breaks)
        assert (refused.status_code, refused.json()["error"]) == (503, "s3-network")
        assert refused["Upload-Offset"] == str(len(content))
        assert names() == []

        asked = client.head(reverse("processing:upload", args=[upload.pk]), headers={"Tus-Resumable": "1.0.0"})

        assert (asked.status_code, asked["Upload-Offset"]) == (200, str(len(content)))
        assert names() == [storage_keys.bare(upload.key)]
        assert upload.job.state == JobState.PENDING

    def test_the_sweep_hands_it_over_where_nobody_asks(self, bucket, album, owner, data_dir, names):
        content = making.jpeg()
        upload = self.expected(album, owner, len(content))
        (data_dir / f"incoming/{upload.pk}.part").write_bytes(content)
        Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=20))

        assert recovery.sweep().handed_over == 1

        assert names() == [storage_keys.bare(upload.key)]
        assert [path for path in data_dir.rglob("*") if path.is_file()] == []


class TestSweep:
    def test_strays_in_the_bucket_go_and_what_is_wanted_stays(self, bucket, names, album):
        waiting = making.received(album)
        put("s3/incoming/0a1b")

        assert recovery.delete_orphans(timezone.now() - timedelta(hours=1)) == 0
        assert recovery.delete_orphans(timezone.now() + timedelta(hours=1)) == 1
        assert names() == [storage_keys.bare(waiting.raw_path)]

    def test_it_goes_on_without_a_bucket_that_is_away(self, bucket, settings, album, data_dir):
        (data_dir / "incoming/0a1b").write_bytes(b"stray")
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert recovery.delete_orphans(timezone.now() + timedelta(hours=1)) == 1
        assert recovery.sweep().strays == 0

    def test_what_is_staged_in_the_bucket_is_counted(self, bucket, album):
        making.received(album, b"seven b")
        put("s3/incoming/0a1b", b"four")

        found = reclaim.current()

        assert (found.waiting, found.receiving, found.stray) == (7, 4, 0)

    def test_a_deleted_photo_leaves_nothing(self, bucket, names, album, django_capture_on_commit_callbacks):
        photo = developed(album)

        with django_capture_on_commit_callbacks(execute=True):
            photo.delete()
        recovery.sweep()

        assert names() == []


class TestVerify:
    def test_both_places_are_looked_at(self, bucket, settings, album):
        there = developed(album)
        settings.S3_BUCKET, name = "", settings.S3_BUCKET
        here = developed(album)
        settings.S3_BUCKET = name
        assert consistency.verify().is_clean

        store().delete(there.original_key)
        damaged = there.renditions.first().key
        put(damaged, bytes(there.renditions.first().bytes))
        orphan = put("s3/originals/ab/orphan.jpg")
        store().delete(here.original_key)

        found = consistency.verify()

        assert sorted(found.missing) == sorted([there.original_key, here.original_key])
        assert (found.corrupt, found.orphans) == ([damaged], [orphan])

    def test_a_lost_original_is_restored_from_a_copy_and_what_nobody_knows_is_put_aside(self, bucket, album, names):
        content = making.jpeg()
        photo = developed(album, content)
        put("s3/originals/ab/copy.jpg", content)
        store().delete(photo.original_key)

        call_command("verify", "--repair")

        with store().open_local(photo.original_key) as path:
            assert path.read_bytes() == content
        assert "quarantine/originals/ab/copy.jpg" in names()
        assert consistency.verify().is_clean

    def test_a_bucket_that_is_away_is_told_and_nothing_is_taken_for_lost(self, bucket, settings, album):
        photo = developed(album)
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

    def test_a_rendition_is_led_to_and_the_way_may_be_remembered(self, bucket, album, client):
        rendition = developed(album).renditions.first()

        first, second = (client.get(rendition.get_absolute_url()) for _ in range(2))

        assert first.status_code == 302
        assert first["Location"].startswith(
            f"{bucket.endpoint}/{bucket.bucket}/{bucket.name(storage_keys.bare(rendition.key))}?"
        )
        assert first["Location"] == second["Location"]
        assert first["Cache-Control"] == "private, max-age=3600"

    def test_a_strangers_photo_is_not_led_to(self, bucket, album, client, stranger):
        rendition = developed(album).renditions.first()
        client.force_login(stranger)

        assert client.get(rendition.get_absolute_url()).status_code == 404
        assert client.get(reverse("albums:original", args=[rendition.photo_id])).status_code == 404

    def test_the_raw_file_of_a_failure_is_a_download(self, bucket, album, client):
        job = making.job_in(album, JobState.FAILED)

        answer = client.get(reverse("processing:raw", args=[job.pk]))

        assert answer.status_code == 302
        assert "response-content-disposition=attachment" in answer["Location"]

    def test_pages_may_show_what_lies_there(self, bucket, client):
        policy = client.get("/albums/")["Content-Security-Policy"]

        assert f"img-src 'self' data: blob: {bucket.endpoint};" in f"{policy};"
        assert f"connect-src 'self' {bucket.endpoint};" in f"{policy};"

    def test_without_a_bucket_the_policy_is_as_it_was(self, disk, client):
        assert "img-src 'self' data: blob:;" in client.get("/albums/")["Content-Security-Policy"] + ";"

    def test_a_photo_in_a_bucket_that_is_not_set_up_is_told_in_words(self, bucket, settings, album, client):
        rendition = developed(album).renditions.first()
        settings.S3_BUCKET = ""

        answer = client.get(rendition.get_absolute_url())

        assert answer.status_code == 503
        assert "Restore S3_BUCKET" in answer.content.decode()
        assert answer["Retry-After"]

    def test_no_photos_are_taken_that_the_bucket_would_not_have(self, bucket, settings, album, client):
        settings.S3_BUCKET = "nowhere"

        answer = client.post(
            reverse("processing:receive", args=[album.pk]),
            {"photos": [_file("1.jpg")]},
            headers={"Accept": "application/json"},
        )

        assert (answer.status_code, answer.json()["error"]) == (503, "s3-bucket-missing")
        assert not Upload.objects.exists()

    def test_the_health_of_the_bucket_is_the_storages(self, bucket, settings, client):
        assert client.get("/healthz").json()["storage"] is True

        settings.S3_BUCKET = "nowhere"
        health.health_check.clear()

        assert json.loads(client.get("/healthz").content) == {
            "status": "ill", "web": True, "database": True, "storage": False,
        }  # fmt: skip


def _breaks(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="the bucket")


def _file(name: str):
    return SimpleUploadedFile(name, making.jpeg())
