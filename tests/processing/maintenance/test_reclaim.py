"""Staging: its quota, its contents, and the space that can be reclaimed."""

import json
import os
import shutil
import time
from datetime import timedelta
from io import BytesIO, StringIO
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from albums.models import Album, Leftover
from processing.capacity import admission, staging_quota
from processing.maintenance import reclaim
from processing.models import ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.uploads.tus.protocol import CONTENT_TYPE
from tests.processing import making

pytestmark = pytest.mark.django_db

TUS = {"Tus-Resumable": "1.0.0"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def other_album(owner) -> Album:
    return Album.objects.create(title="Winter", owner=owner)


@pytest.fixture(autouse=True)
def no_cached_counts(monkeypatch):
    """Switches off the cache of two seconds, which every test would wait for."""
    monkeypatch.setattr(staging_quota, "CACHE_SECONDS", -1)


def create(client: Client, album: Album, size: int):
    return client.generic("POST", f"/albums/{album.pk}/uploads/tus/", headers=TUS | {"Upload-Length": str(size)})


def patch(client: Client, address: str, offset: int, content: bytes):
    return client.patch(address, content, CONTENT_TYPE, headers=TUS | {"Upload-Offset": str(offset)})


def started_upload(client: Client, album: Album, size: int, content: bytes) -> str:
    """Starts an upload of `size` bytes, sends `content`, and returns the upload's address."""
    address = create(client, album, size)["Location"]
    assert patch(client, address, 0, content).status_code == 204
    return address


def make_idle(seconds: float, settings) -> None:
    Upload.objects.receiving().update(
        expires_at=timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - seconds)
    )


class TestQuota:
    def test_without_a_quota_there_is_no_limit_and_no_query(self, album, django_assert_num_queries):
        making.received(album)

        with django_assert_num_queries(0):
            assert staging_quota.has_room(1 << 60)

    def test_pending_and_failed_raw_files_count_and_completed_ones_do_not(self, album, owner, other_album):
        failed = making.job_in(other_album, JobState.FAILED)
        making.job_in(Album.objects.create(title="Done", owner=owner), JobState.COMPLETED)
        pending = making.job_in(album, JobState.PENDING)

        assert staging_quota.used() == failed.upload.size + pending.upload.size

    def test_a_started_upload_counts_with_its_full_size(self, signed_in, album):
        create(signed_in, album, 5000)
        assert staging_quota.used() == 0

        started_upload(signed_in, album, 1000, b"x" * 10)
        assert staging_quota.used() == 1000

    def test_the_usage_of_staging_is_cached(self, album, monkeypatch, django_assert_num_queries, settings):
        monkeypatch.setattr(staging_quota, "CACHE_SECONDS", 60)
        settings.STAGING_QUOTA_BYTES = 1
        staging_quota.has_room()

        with django_assert_num_queries(0):
            assert staging_quota.has_room()

    def test_counting_the_usage_takes_two_queries(self, album, settings, django_assert_num_queries):
        with django_assert_num_queries(2):
            staging_quota.used()


class TestFullStaging:
    @pytest.fixture(autouse=True)
    def full(self, other_album, settings):
        making.received(other_album)
        settings.STAGING_QUOTA_BYTES = 100

    def test_a_form_upload_is_rejected_before_its_body_is_read(self, signed_in, album):
        files = {"photos": SimpleUploadedFile("a.jpg", making.jpeg())}

        response = signed_in.post(f"/albums/{album.pk}/uploads/", files, headers=JSON)

        assert (response.status_code, response.json()["error"]) == (507, "staging-full")
        assert response["Retry-After"] == "30"
        assert not Upload.objects.filter(album=album).exists()

    def test_the_album_page_shows_that_staging_is_full_before_an_upload(self, signed_in, album):
        assert admission.STAGING.upload_message in signed_in.get(f"/albums/{album.pk}/").content.decode()

    def test_no_tus_upload_starts_while_staging_is_full(self, signed_in, album):
        response = create(signed_in, album, 1000)

        assert (response.status_code, response.json()["error"]) == (507, "staging-full")

    def test_no_manifest_opens_a_batch_while_staging_is_full(self, signed_in, album):
        body = {"open": True, "files": [{"name": "a.jpg", "size": 10}]}

        response = signed_in.post(f"/albums/{album.pk}/uploads/manifest/", json.dumps(body), "application/json")

        assert (response.status_code, response.json()["error"]) == (507, "staging-full")

    def test_an_import_reports_full_staging_for_each_file(self, album, tmp_path):
        photo_file = tmp_path / "a.jpg"
        photo_file.write_bytes(making.jpeg())
        errors = StringIO()

        with pytest.raises(CommandError, match="1 file not imported"):
            call_command("import_photos", str(album.pk), str(photo_file), stdout=StringIO(), stderr=errors)

        assert "a.jpg: Too many files are waiting" in errors.getvalue()

    def test_workers_continue_while_staging_is_full(self):
        assert admission.for_worker() is None


class TestQuotaDuringUploads:
    def test_a_started_upload_may_finish_although_staging_is_full(self, signed_in, album, other_album, settings):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 2000, 100
        address = started_upload(signed_in, album, 1500, b"x" * 10)
        making.received(other_album)
        settings.STAGING_QUOTA_BYTES = 100

        assert patch(signed_in, address, 10, b"x" * 1490).status_code == 204

    def test_of_two_uploads_that_do_not_both_fit_the_second_waits(self, signed_in, album, settings):
        first, second = (create(signed_in, album, 1500)["Location"] for _ in range(2))
        settings.STAGING_QUOTA_BYTES = 2000

        assert patch(signed_in, first, 0, b"x").status_code == 204
        assert patch(signed_in, second, 0, b"x").status_code == 507
        assert patch(signed_in, first, 1, b"x" * 1499).status_code == 204

    def test_a_file_larger_than_the_quota_fits_into_empty_staging(self, signed_in, album, settings):
        settings.STAGING_QUOTA_BYTES = 100

        assert started_upload(signed_in, album, 5000, b"x" * 200)

    def test_a_manifest_may_list_more_files_than_fit_at_once(self, signed_in, album, other_album, settings):
        making.received(other_album)
        settings.STAGING_QUOTA_BYTES = 10_000
        body = {"open": True, "files": [{"name": f"{n}.jpg", "size": 6000} for n in range(9)]}

        response = signed_in.post(f"/albums/{album.pk}/uploads/manifest/", json.dumps(body), "application/json")

        assert {file["state"] for file in response.json()["files"]} == {"new"}


class TestShares:
    """Two users. The first one uses as much staging as is allowed."""

    def test_large_files_with_one_byte_received_do_not_block_other_users(
        self, signed_in, others, album, their_album, settings
    ):
        settings.STAGING_QUOTA_BYTES = 64 << 30
        for _ in range(33):
            started_upload(signed_in, album, 2 << 30, b"x")

        assert staging_quota.used() == 33 * (1 + staging_quota.RESERVED_BYTES)
        assert started_upload(others, their_album, 1000, b"x" * 1000)

    def test_one_user_cannot_start_more_uploads_than_fit_into_the_share(
        self, signed_in, others, album, their_album, settings, monkeypatch
    ):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 10_000, 50
        monkeypatch.setattr(staging_quota, "RESERVED_BYTES", 999)
        for _ in range(5):
            started_upload(signed_in, album, 5000, b"x")

        response = create(signed_in, album, 5000)

        assert (response.status_code, response.json()["error"], response["Retry-After"]) == (
            507,
            "own-staging-full",
            "30",
        )
        assert started_upload(others, their_album, 4000, b"x" * 4000)

    def test_failed_files_that_are_kept_count_for_the_user_who_uploaded_them(
        self, signed_in, others, album, other_album, their_album, settings
    ):
        failed = making.job_in(other_album, JobState.FAILED)
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = failed.upload.size * 4, 25

        form_response = signed_in.post(f"/albums/{album.pk}/uploads/", {"photos": photo_file()}, headers=JSON)
        manifest_response = signed_in.post(
            f"/albums/{album.pk}/uploads/manifest/",
            {"open": True, "files": [{"name": "a.jpg", "size": 10}]},
            "application/json",
        )

        assert [
            (response.status_code, response.json()["error"]) for response in (form_response, manifest_response)
        ] == [(507, "own-staging-full")] * 2
        assert started_upload(others, their_album, 100, b"x" * 100)

    def test_of_two_uploads_that_exceed_the_share_the_first_may_finish(self, signed_in, album, settings):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 20_000, 50
        first, second = started_upload(signed_in, album, 4000, b"x"), started_upload(signed_in, album, 4000, b"x")
        settings.STAGING_QUOTA_BYTES = 10_000
        assert patch(signed_in, first, 1, b"x" * 2000).status_code == 204

        response = patch(signed_in, second, 1, b"x" * 3500)

        assert (response.status_code, response.json()["error"], response["Upload-Offset"]) == (
            507,
            "own-staging-full",
            "1",
        )
        assert patch(signed_in, first, 2001, b"x" * 1999).status_code == 204

    def test_a_body_of_unknown_length_stops_at_the_share(self, signed_in, album, settings, monkeypatch):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 2 << 20, 50
        monkeypatch.setattr(staging_quota, "RESERVED_BYTES", 1000)
        started_upload(signed_in, album, 5000, b"x")
        second = started_upload(signed_in, album, 4 << 20, b"x")
        environ = {
            "wsgi.input": BytesIO(bytes(3 << 20)),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        }

        response = signed_in.generic(
            "PATCH",
            second,
            content_type=CONTENT_TYPE,
            headers=TUS | {"Upload-Offset": "1"},
            CONTENT_TYPE=CONTENT_TYPE,
            **environ,
        )

        assert (response.status_code, response.json()["error"]) == (507, "own-staging-full")
        assert int(response["Upload-Offset"]) <= 1 << 20

    def test_a_form_upload_stores_the_files_that_fit_into_the_share(self, signed_in, album, settings):
        first, second, third = making.jpeg((300, 300)), making.jpeg((300, 300)), making.jpeg((300, 300))
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 2 * len(first), 50

        response = signed_in.post(
            f"/albums/{album.pk}/uploads/", {"photos": [photo_file(first), photo_file(second), photo_file(third)]}
        )

        assert response.status_code == 302
        assert list(Upload.objects.values_list("code", flat=True)) == ["", "own-staging-full", "own-staging-full"]

    def test_on_a_small_disk_the_share_is_a_part_of_the_free_space(self, settings, monkeypatch):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT, settings.MIN_FREE_BYTES = 64 << 30, 75, 400
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10_000, used=8_600, free=1_400))

        assert not staging_quota.has_share(1, 0) or staging_quota._share(staging_quota.StagingUsage()) == 750

    def test_the_share_of_a_user_does_not_limit_an_import(self, album, owner, tmp_path, settings):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 1 << 30, 1
        for number in range(3):
            (tmp_path / f"{number}.jpg").write_bytes(making.jpeg() + bytes(5 << 20) + bytes([number]))

        call_command("import_photos", str(album.pk), str(tmp_path), stdout=StringIO(), stderr=StringIO())

        assert ProcessingJob.objects.count() == 3


def photo_file(content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", content or making.jpeg())


class TestReclaiming:
    @pytest.mark.embedded
    def test_usage_counts_the_bytes_of_each_kind_separately(
        self, signed_in, album, other_album, owner, data_dir, settings
    ):
        started_upload(signed_in, other_album, 1000, b"x" * 300)
        failed = making.job_in(album, JobState.FAILED)
        waiting = making.job_in(Album.objects.create(title="Third", owner=owner), JobState.PENDING)
        stray(data_dir, 70, age=400)
        stray(data_dir, 7, age=0)
        key = "renditions/ab/gone/400.webp"
        (data_dir / key).parent.mkdir(parents=True)
        (data_dir / key).write_bytes(b"x" * 5)
        Leftover.note([key])

        usage = reclaim.current()

        fence = 16
        assert (usage.failed, usage.waiting, usage.stray) == (failed.upload.size, waiting.upload.size, 75)
        assert (usage.receiving, usage.idle) == (300 + fence + 7, 0)
        assert usage.total == sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file())

    def test_idle_uploads_and_stray_files_are_reclaimed_and_active_ones_stay(
        self, signed_in, album, other_album, data_dir, settings
    ):
        idle_address = started_upload(signed_in, album, 1000, b"x" * 300)
        make_idle(reclaim.QUIET_SECONDS + 1, settings)
        busy_address = started_upload(signed_in, other_album, 1000, b"x" * 200)
        stray(data_dir, 70, age=reclaim.QUIET_SECONDS + 60)
        fresh_file = stray(data_dir, 7, age=0)
        usage = reclaim.current()

        assert reclaim.reclaim() == usage.reclaimable == 300 + 16 + 70

        reclaimed_upload = Upload.objects.get(pk=idle_address.rstrip("/").rsplit("/", 1)[-1])
        assert (reclaimed_upload.state, reclaimed_upload.code) == (UploadState.EXPIRED, "reclaimed")
        assert patch(signed_in, idle_address, 300, b"x").status_code == 410
        assert patch(signed_in, busy_address, 200, b"x").status_code == 204
        assert fresh_file.exists()
        assert reclaim.current().reclaimable == 0

    def test_failed_and_pending_files_are_never_reclaimed(self, album, other_album, stored):
        making.job_in(other_album, JobState.FAILED)
        making.job_in(album, JobState.PENDING)
        for path in (stored / "incoming").iterdir():
            os.utime(path, (0, 0))

        assert reclaim.reclaim() == 0
        assert ProcessingJob.objects.count() == len(list((stored / "incoming").iterdir())) == 2

    def test_an_album_whose_upload_was_reclaimed_is_unlocked(self, signed_in, album, settings):
        started_upload(signed_in, album, 1000, b"x" * 300)
        make_idle(reclaim.QUIET_SECONDS + 1, settings)

        reclaim.reclaim()

        assert making.received(album) is not None

    def test_the_limits_page_offers_to_reclaim_space_and_reports_the_result(self, admin, data_dir):
        client = Client()
        client.force_login(admin)
        stray(data_dir, 2048, age=400)

        assert "Free up 2.0\xa0KB" in client.get("/limits/").content.decode()
        assert "Freed up 2.0\xa0KB." in client.post("/limits/reclaim/", follow=True).content.decode()

    def test_the_sweep_command_can_reclaim_space(self, data_dir):
        stray(data_dir, 2048, age=400)
        output = StringIO()

        call_command("sweep", "--reclaim", stdout=output)

        assert output.getvalue().splitlines()[-1] == "Freed up 2.0\xa0KB."


def stray(data_dir, size: int, age: float):
    path = data_dir / "incoming" / f"stray-{size}"
    path.write_bytes(b"x" * size)
    modified_at = time.time() - age
    os.utime(path, (modified_at, modified_at))
    return path
