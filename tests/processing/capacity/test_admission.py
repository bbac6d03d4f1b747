"""Admission control: uploads are rejected and workers pause while memory, disk space or storage is missing."""

import errno
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from huey.contrib.djhuey import HUEY

from processing.capacity import admission
from processing.lib import system_memory
from processing.models import ProcessingJob, Upload
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from processing.uploads.rejections import UploadRejected
from processing.uploads.writer import UploadWriter
from tests.processing import making

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def no_pause_between_checks(monkeypatch):
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(worker._status, "pause_reason", "")


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def meminfo(tmp_path, settings, monkeypatch) -> Path:
    """The meminfo of a machine with 90 % of its memory in use, while 80 % are allowed."""
    path = tmp_path / "meminfo"
    path.write_text("MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
    settings.MEMORY_MARK = 80
    monkeypatch.setattr(system_memory.share_in_use, "__defaults__", (tmp_path, tmp_path))
    return path


def free_memory(meminfo: Path) -> None:
    meminfo.write_text("MemTotal: 1000 kB\nMemAvailable: 900 kB\n")


def send(client: Client, album, *contents: bytes, headers=None):
    files = [SimpleUploadedFile(f"IMG_{n}.JPG", content) for n, content in enumerate(contents)]
    return client.post(f"/albums/{album.pk}/uploads/", {"photos": files}, headers=headers or {})


def move_incoming_away(data_dir: Path) -> None:
    (data_dir / "incoming").rename(data_dir / "elsewhere")


class TestUploads:
    def test_above_the_memory_limit_json_clients_get_a_code_and_retry_after(self, signed_in, album, meminfo):
        response = send(signed_in, album, making.jpeg(), headers=JSON)

        assert (response.status_code, response["Retry-After"]) == (503, "30")
        assert response.json() == {"error": "memory-pressure", "message": admission.MEMORY.upload_message}
        assert Upload.objects.count() == 0

    def test_above_the_memory_limit_browsers_get_the_panel_with_the_reason(self, signed_in, album, meminfo):
        response = send(signed_in, album, making.jpeg(), headers=HTMX)

        assert response.status_code == 503
        assert response.context["panel"].error == admission.MEMORY.upload_message
        assert b'id="upload-panel"' in response.content

    def test_above_the_memory_limit_browsers_without_scripts_get_a_problem_page(self, signed_in, album, meminfo):
        response = send(signed_in, album, making.jpeg())

        assert (response.status_code, response.templates[0].name) == (503, "upload/problem.html")

    def test_below_the_memory_limit_uploads_are_accepted(self, signed_in, album, meminfo):
        free_memory(meminfo)

        assert send(signed_in, album, making.jpeg()).status_code == 302

    def test_the_album_page_shows_the_memory_shortage_before_an_upload(self, signed_in, album, meminfo):
        assert admission.MEMORY.upload_message in signed_in.get(f"/albums/{album.pk}/").content.decode()

    def test_missing_storage_is_not_created_again(self, signed_in, album, data_dir):
        move_incoming_away(data_dir)

        response = send(signed_in, album, making.jpeg(), headers=JSON)

        assert (response.status_code, response.json()["error"]) == (503, "storage-away")
        assert not (data_dir / "incoming").exists()

    def test_a_disk_that_fills_up_during_an_upload_rejects_only_the_files_that_follow(
        self, signed_in, album, stored, monkeypatch
    ):
        first, second = making.jpeg(), making.jpeg()
        free_bytes = iter([10**12, 10**12, 10**12])
        monkeypatch.setattr("processing.storage.local.local_store.LocalStore.free_bytes", lambda _: next(free_bytes, 0))

        response = send(signed_in, album, first, second)

        assert response.status_code == 302
        assert list(Upload.objects.order_by("name").values_list("name", "code")) == [
            ("IMG_0.JPG", ""),
            ("IMG_1.JPG", "disk-full"),
        ]
        assert [path.name for path in (stored / "incoming").iterdir()] == [str(ProcessingJob.objects.get().upload_id)]

    def test_the_response_says_that_the_disk_is_full_if_no_file_was_stored(
        self, signed_in, album, data_dir, monkeypatch
    ):
        def no_room(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("processing.storage.local.local_store.LocalFileWriter.write", no_room)

        response = send(signed_in, album, making.jpeg(), making.jpeg(), headers=JSON)

        assert (response.status_code, response.json()["error"]) == (507, "disk-full")
        assert list((data_dir / "incoming").iterdir()) == []
        assert set(Upload.objects.values_list("state", "code")) == {("refused", "disk-full")}

    def test_one_large_file_stops_at_the_free_space_reserve(self, album, data_dir, monkeypatch, settings):
        settings.MIN_FREE_BYTES = 1000
        writer = UploadWriter(making.upload(album))
        monkeypatch.setattr("processing.storage.local.local_store.LocalStore.free_bytes", lambda _: 1500)
        writer.write(b"x" * 500)

        with pytest.raises(UploadRejected):
            writer.write(b"x" * 501)

        assert list((data_dir / "incoming").iterdir()) == []

    def test_an_import_reports_the_full_disk_for_each_file(self, album, tmp_path, settings):
        settings.MIN_FREE_BYTES = 1 << 60
        photo = tmp_path / "a.jpg"
        photo.write_bytes(making.jpeg())
        errors = StringIO()

        with pytest.raises(CommandError, match="1 file not imported"):
            call_command("import_photos", str(album.pk), str(photo), stdout=StringIO(), stderr=errors)

        assert "a.jpg: The server's disk is nearly full" in errors.getvalue()


class TestWorker:
    def test_a_worker_short_of_memory_claims_nothing_and_passes_the_wake_up_on(self, album, meminfo):
        job = making.received(album)
        HUEY.storage.flush_queue()

        assert worker.develop_next() is False

        job.refresh_from_db()
        assert (job.state, job.attempts, HUEY.pending_count()) == (JobState.PENDING, 0, 1)

    def test_a_worker_resumes_when_memory_is_free_again(self, album, meminfo):
        making.received(album)
        worker.develop_next()
        free_memory(meminfo)

        worker.develop_next()

        assert album.photos.count() == 1

    def test_a_worker_without_jobs_sends_itself_no_wake_up(self, meminfo):
        worker.develop_next()

        assert HUEY.pending_count() == 0

    def test_a_worker_short_of_memory_ends_its_child(self, album, meminfo):
        free_memory(meminfo)
        batch = making.received(album).batch
        worker.develop_next()
        assert shared_sandbox.sandbox().pid
        meminfo.write_text("MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
        making.received(album, batch=batch)

        worker.develop_next()

        assert shared_sandbox.sandbox().pid is None

    def test_the_log_reports_a_pause_once_and_its_end(self, album, meminfo, caplog):
        making.received(album)
        for _ in range(3):
            worker.develop_next()
        free_memory(meminfo)
        worker.develop_next()

        assert [record.getMessage() for record in caplog.records if record.name == "processing.rendering.worker"] == [
            f"Processing is paused. {admission.MEMORY.worker_message}",
            "Processing resumed.",
        ]

    def test_received_files_may_use_the_free_space_reserve(self, album, settings, monkeypatch):
        making.received(album)
        settings.MIN_FREE_BYTES = 8000
        monkeypatch.setattr("processing.storage.local.local_store.LocalStore.free_bytes", lambda _: 1000)

        assert worker.develop_next() is True

    def test_received_files_may_not_use_all_of_the_free_space_reserve(self, album, settings, monkeypatch):
        making.received(album)
        settings.MIN_FREE_BYTES = 8000
        monkeypatch.setattr("processing.storage.local.local_store.LocalStore.free_bytes", lambda _: 999)

        assert worker.develop_next() is False

    def test_a_disk_that_fills_up_during_processing_costs_no_attempt(self, album, data_dir, monkeypatch):
        job = making.received(album)

        def no_room(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("processing.storage.router.PlacedStore.move_in", no_room)
        worker.develop_next()

        job.refresh_from_db()
        assert (job.state, job.error_code, job.attempts) == (JobState.PENDING, "disk-full", 0)
        assert not list((data_dir / "renditions").rglob("*.webp"))

    def test_storage_that_was_missing_for_a_while_costs_no_attempt(self, album, data_dir):
        job = making.received(album)
        move_incoming_away(data_dir)
        worker.develop_next()
        (data_dir / "elsewhere").rename(data_dir / "incoming")

        worker.develop_next()

        job.refresh_from_db()
        assert (job.state, job.attempts) == (JobState.COMPLETED, 1)


class TestMessages:
    def test_the_panel_says_why_photos_wait(self, signed_in, album, meminfo):
        making.received(album)

        page = signed_in.get(f"/albums/{album.pk}/uploads/status/")

        assert page.context["panel"].shortage == admission.MEMORY

    def test_the_panel_reports_no_shortage_while_a_photo_is_processed(self, signed_in, album, meminfo):
        making.job_in(album, JobState.PROCESSING)

        assert signed_in.get(f"/albums/{album.pk}/uploads/status/").context["panel"].shortage is None

    def test_the_queue_page_and_the_command_report_the_pause(self, signed_in, meminfo):
        output = StringIO()
        call_command("queue_status", stdout=output)
        assert output.getvalue().splitlines()[-1] == f"Processing is paused. {admission.MEMORY.worker_message}"
        assert admission.MEMORY.worker_message in signed_in.get("/jobs/").content.decode()

        output = StringIO()
        call_command("queue_status", "--json", stdout=output)
        assert json.loads(output.getvalue())["pressure"] == "memory-pressure"
