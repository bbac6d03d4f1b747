"""Staging: who may come in, what lies there, and what can be had back."""

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
def counts_anew(monkeypatch):
    """What is remembered for two seconds would make every test wait for them."""
    monkeypatch.setattr(staging_quota, "CACHE_SECONDS", -1)


def create(client: Client, album: Album, size: int):
    return client.generic("POST", f"/albums/{album.pk}/uploads/tus/", headers=TUS | {"Upload-Length": str(size)})


def patch(client: Client, address: str, at: int, content: bytes):
    return client.patch(address, content, CONTENT_TYPE, headers=TUS | {"Upload-Offset": str(at)})


def begun(client: Client, album: Album, size: int, content: bytes) -> str:
    """An upload of `size` bytes, of which these have arrived. Its address."""
    address = create(client, album, size)["Location"]
    assert patch(client, address, 0, content).status_code == 204
    return address


def let_it_rest(seconds: float, settings) -> None:
    Upload.objects.receiving().update(
        expires_at=timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - seconds)
    )


class TestQuota:
    def test_none_means_no_limit_and_no_question(self, album, django_assert_num_queries):
        making.received(album)

        with django_assert_num_queries(0):
            assert staging_quota.has_room(1 << 60)

    def test_waiting_and_failed_raw_files_count_and_what_is_done_does_not(self, album, owner, other_album):
        failed = making.job_in(other_album, JobState.FAILED)
        making.job_in(Album.objects.create(title="Done", owner=owner), JobState.COMPLETED)
        pending = making.job_in(album, JobState.PENDING)

        assert staging_quota.used() == failed.upload.size + pending.upload.size

    def test_what_has_begun_counts_with_what_is_still_to_come_of_it(self, signed_in, album):
        create(signed_in, album, 5000)
        assert staging_quota.used() == 0

        begun(signed_in, album, 1000, b"x" * 10)
        assert staging_quota.used() == 1000

    def test_it_is_counted_once_in_a_while(self, album, monkeypatch, django_assert_num_queries, settings):
        monkeypatch.setattr(staging_quota, "CACHE_SECONDS", 60)
        settings.STAGING_QUOTA_BYTES = 1
        staging_quota.has_room()

        with django_assert_num_queries(0):
            assert staging_quota.has_room()

    def test_counting_reads_no_row_that_is_done(self, album, settings, django_assert_num_queries):
        with django_assert_num_queries(2):
            staging_quota.used()


class TestDoors:
    @pytest.fixture(autouse=True)
    def full(self, other_album, settings):
        making.received(other_album)
        settings.STAGING_QUOTA_BYTES = 100

    def test_the_form_is_refused_before_its_body_is_read(self, signed_in, album):
        files = {"photos": SimpleUploadedFile("a.jpg", making.jpeg())}

        response = signed_in.post(f"/albums/{album.pk}/uploads/", files, headers=JSON)

        assert (response.status_code, response.json()["error"]) == (507, "staging-full")
        assert response["Retry-After"] == "30"
        assert not Upload.objects.filter(album=album).exists()

    def test_the_page_says_so_before_anybody_sends(self, signed_in, album):
        assert admission.STAGING.upload_message in signed_in.get(f"/albums/{album.pk}/").content.decode()

    def test_no_tus_upload_begins(self, signed_in, album):
        response = create(signed_in, album, 1000)

        assert (response.status_code, response.json()["error"]) == (507, "staging-full")

    def test_no_manifest_opens_a_batch(self, signed_in, album):
        told = {"open": True, "files": [{"name": "a.jpg", "size": 10}]}

        response = signed_in.post(f"/albums/{album.pk}/uploads/manifest/", json.dumps(told), "application/json")

        assert (response.status_code, response.json()["error"]) == (507, "staging-full")

    def test_an_import_says_it_for_each_file(self, album, tmp_path):
        photo = tmp_path / "a.jpg"
        photo.write_bytes(making.jpeg())
        err = StringIO()

        with pytest.raises(CommandError, match="1 file not imported"):
            call_command("import_photos", str(album.pk), str(photo), stdout=StringIO(), stderr=err)

        assert "a.jpg: Too many files are waiting" in err.getvalue()

    def test_workers_go_on(self):
        assert admission.for_worker() is None


class TestRoom:
    def test_what_has_begun_may_end_however_full_it_is(self, signed_in, album, other_album, settings):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 2000, 100
        address = begun(signed_in, album, 1500, b"x" * 10)
        making.received(other_album)
        settings.STAGING_QUOTA_BYTES = 100

        assert patch(signed_in, address, 10, b"x" * 1490).status_code == 204

    def test_of_two_that_do_not_fit_both_the_second_waits(self, signed_in, album, settings):
        first, second = (create(signed_in, album, 1500)["Location"] for _ in range(2))
        settings.STAGING_QUOTA_BYTES = 2000

        assert patch(signed_in, first, 0, b"x").status_code == 204
        assert patch(signed_in, second, 0, b"x").status_code == 507
        assert patch(signed_in, first, 1, b"x" * 1499).status_code == 204

    def test_into_empty_staging_comes_what_is_larger_than_all_of_it(self, signed_in, album, settings):
        settings.STAGING_QUOTA_BYTES = 100

        assert begun(signed_in, album, 5000, b"x" * 200)

    def test_a_manifest_may_list_more_than_there_is_room_for_at_once(self, signed_in, album, other_album, settings):
        making.received(other_album)
        settings.STAGING_QUOTA_BYTES = 10_000
        told = {"open": True, "files": [{"name": f"{n}.jpg", "size": 6000} for n in range(9)]}

        response = signed_in.post(f"/albums/{album.pk}/uploads/manifest/", json.dumps(told), "application/json")

        assert {file["state"] for file in response.json()["files"]} == {"new"}


class TestShares:
    """Two people, one of whom takes all that is given."""

    def test_large_files_of_which_a_byte_came_keep_nobody_out(self, signed_in, others, album, their_album, settings):
        settings.STAGING_QUOTA_BYTES = 64 << 30
        for _ in range(33):
            begun(signed_in, album, 2 << 30, b"x")

        assert staging_quota.used() == 33 * (1 + staging_quota.RESERVED_BYTES)
        assert begun(others, their_album, 1000, b"x" * 1000)

    def test_one_person_begins_no_more_than_fits_into_the_share(
        self, signed_in, others, album, their_album, settings, monkeypatch
    ):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 10_000, 50
        monkeypatch.setattr(staging_quota, "RESERVED_BYTES", 999)
        for _ in range(5):
            begun(signed_in, album, 5000, b"x")

        answer = create(signed_in, album, 5000)

        assert (answer.status_code, answer.json()["error"], answer["Retry-After"]) == (507, "own-staging-full", "30")
        assert begun(others, their_album, 4000, b"x" * 4000)

    def test_files_that_failed_and_are_kept_count_for_who_sent_them(
        self, signed_in, others, album, other_album, their_album, settings
    ):
        failed = making.job_in(other_album, JobState.FAILED)
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = failed.upload.size * 4, 25

        form = signed_in.post(f"/albums/{album.pk}/uploads/", {"photos": photo()}, headers=JSON)
        listed = signed_in.post(
            f"/albums/{album.pk}/uploads/manifest/",
            {"open": True, "files": [{"name": "a.jpg", "size": 10}]},
            "application/json",
        )

        assert [(a.status_code, a.json()["error"]) for a in (form, listed)] == [(507, "own-staging-full")] * 2
        assert begun(others, their_album, 100, b"x" * 100)

    def test_of_two_that_outgrow_the_share_the_first_may_end(self, signed_in, album, settings):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 20_000, 50
        first, second = begun(signed_in, album, 4000, b"x"), begun(signed_in, album, 4000, b"x")
        settings.STAGING_QUOTA_BYTES = 10_000
        assert patch(signed_in, first, 1, b"x" * 2000).status_code == 204

        answer = patch(signed_in, second, 1, b"x" * 3500)

        assert (answer.status_code, answer.json()["error"], answer["Upload-Offset"]) == (507, "own-staging-full", "1")
        assert patch(signed_in, first, 2001, b"x" * 1999).status_code == 204

    def test_a_body_of_unknown_length_stops_at_the_share(self, signed_in, album, settings, monkeypatch):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 2 << 20, 50
        monkeypatch.setattr(staging_quota, "RESERVED_BYTES", 1000)
        begun(signed_in, album, 5000, b"x")
        second = begun(signed_in, album, 4 << 20, b"x")
        told = {
            "wsgi.input": BytesIO(bytes(3 << 20)),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        }

        answer = signed_in.generic(
            "PATCH",
            second,
            content_type=CONTENT_TYPE,
            headers=TUS | {"Upload-Offset": "1"},
            CONTENT_TYPE=CONTENT_TYPE,
            **told,
        )

        assert (answer.status_code, answer.json()["error"]) == (507, "own-staging-full")
        assert int(answer["Upload-Offset"]) <= 1 << 20

    def test_of_a_form_the_files_are_taken_that_fit(self, signed_in, album, settings):
        one, two, three = making.jpeg((300, 300)), making.jpeg((300, 300)), making.jpeg((300, 300))
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 2 * len(one), 50

        answer = signed_in.post(f"/albums/{album.pk}/uploads/", {"photos": [photo(one), photo(two), photo(three)]})

        assert answer.status_code == 302
        assert list(Upload.objects.values_list("code", flat=True)) == ["", "own-staging-full", "own-staging-full"]

    def test_on_a_small_disk_the_share_is_one_of_its_room(self, settings, monkeypatch):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT, settings.MIN_FREE_BYTES = 64 << 30, 75, 400
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10_000, used=8_600, free=1_400))

        assert not staging_quota.has_share(1, 0) or staging_quota._share(staging_quota.StagingUsage()) == 750

    def test_an_import_is_the_servers_own(self, album, owner, tmp_path, settings):
        settings.STAGING_QUOTA_BYTES, settings.USER_STAGING_PERCENT = 1 << 30, 1
        for number in range(3):
            (tmp_path / f"{number}.jpg").write_bytes(making.jpeg() + bytes(5 << 20) + bytes([number]))

        call_command("import_photos", str(album.pk), str(tmp_path), stdout=StringIO(), stderr=StringIO())

        assert ProcessingJob.objects.count() == 3


def photo(content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", content or making.jpeg())


class TestReclaiming:
    @pytest.mark.embedded
    def test_the_bytes_of_each_kind_are_told_apart(self, signed_in, album, other_album, owner, data_dir, settings):
        begun(signed_in, other_album, 1000, b"x" * 300)
        failed = making.job_in(album, JobState.FAILED)
        waiting = making.job_in(Album.objects.create(title="Third", owner=owner), JobState.PENDING)
        stray(data_dir, 70, age=400)
        stray(data_dir, 7, age=0)
        key = "renditions/ab/gone/400.webp"
        (data_dir / key).parent.mkdir(parents=True)
        (data_dir / key).write_bytes(b"x" * 5)
        Leftover.note([key])

        now = reclaim.current()

        fence = 16
        assert (now.failed, now.waiting, now.stray) == (failed.upload.size, waiting.upload.size, 75)
        assert (now.receiving, now.idle) == (300 + fence + 7, 0)
        assert now.total == sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file())

    def test_what_nobody_waits_for_goes_and_the_rest_stays(self, signed_in, album, other_album, data_dir, settings):
        quiet = begun(signed_in, album, 1000, b"x" * 300)
        let_it_rest(reclaim.QUIET_SECONDS + 1, settings)
        busy = begun(signed_in, other_album, 1000, b"x" * 200)
        stray(data_dir, 70, age=reclaim.QUIET_SECONDS + 60)
        fresh = stray(data_dir, 7, age=0)
        now = reclaim.current()

        assert reclaim.reclaim() == now.reclaimable == 300 + 16 + 70

        gone = Upload.objects.get(pk=quiet.rstrip("/").rsplit("/", 1)[-1])
        assert (gone.state, gone.code) == (UploadState.EXPIRED, "reclaimed")
        assert patch(signed_in, quiet, 300, b"x").status_code == 410
        assert patch(signed_in, busy, 200, b"x").status_code == 204
        assert fresh.exists()
        assert reclaim.current().reclaimable == 0

    def test_failed_and_waiting_files_are_never_reclaimed(self, album, other_album, stored):
        making.job_in(other_album, JobState.FAILED)
        making.job_in(album, JobState.PENDING)
        for path in (stored / "incoming").iterdir():
            os.utime(path, (0, 0))

        assert reclaim.reclaim() == 0
        assert ProcessingJob.objects.count() == len(list((stored / "incoming").iterdir())) == 2

    def test_an_album_whose_upload_was_reclaimed_is_free_again(self, signed_in, album, settings):
        begun(signed_in, album, 1000, b"x" * 300)
        let_it_rest(reclaim.QUIET_SECONDS + 1, settings)

        reclaim.reclaim()

        assert making.received(album) is not None

    def test_the_page_offers_it_with_its_size_and_tells_what_it_did(self, admin, data_dir):
        client = Client()
        client.force_login(admin)
        stray(data_dir, 2048, age=400)

        assert "Free up 2.0\xa0KB" in client.get("/limits/").content.decode()
        assert "Freed up 2.0\xa0KB." in client.post("/limits/reclaim/", follow=True).content.decode()

    def test_the_command_does_it_too(self, data_dir):
        stray(data_dir, 2048, age=400)
        out = StringIO()

        call_command("sweep", "--reclaim", stdout=out)

        assert out.getvalue().splitlines()[-1] == "Freed up 2.0\xa0KB."


def stray(data_dir, size: int, age: float):
    path = data_dir / "incoming" / f"stray-{size}"
    path.write_bytes(b"x" * size)
    then = time.time() - age
    os.utime(path, (then, then))
    return path
