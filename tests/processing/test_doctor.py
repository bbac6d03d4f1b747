"""The doctor's conclusions from its measurements, and its checks of the server itself."""

import json
import subprocess
import sys
from datetime import timedelta
from http.client import HTTPMessage
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from processing.doctor import check_result, host, proxy_hints, proxy_passthrough, request_size, services
from processing.doctor.check_result import CheckResult, CheckState
from processing.doctor.http_probe import NoResponse, NoSite, ProbeClient, ProbeResponse, zeros
from processing.doctor.request_size import LargestBody
from processing.jobs import workers
from processing.lib import system_memory
from processing.models import WorkerPulse
from tests import stack

MIB = 1 << 20
TOO_LARGE = ProbeResponse(413, HTTPMessage(), None, 0.0)


def by_code(results) -> dict[str, CheckResult]:
    return {result.code: result for result in results}


class TestConclusions:
    @pytest.mark.parametrize(
        ("largest", "rejection", "code", "state"),
        [
            (64 * MIB, None, "body-size", CheckState.GOOD),
            (20 * MIB, TOO_LARGE, "body-limit", CheckState.WARNING),
            (8 * MIB, TOO_LARGE, "body-limit", CheckState.WARNING),
            (8 * MIB - 1, TOO_LARGE, "body-limit", CheckState.BAD),
            (MIB, NoResponse(0, "reset"), "body-limit", CheckState.BAD),
            (0, TOO_LARGE, "body-limit", CheckState.BAD),
        ],
    )
    def test_a_limit_is_bad_if_it_is_smaller_than_a_chunk(self, largest, rejection, code, state):
        result = request_size.of_largest(LargestBody(largest, rejection), "")

        assert (result.code, result.state) == (code, state)

    @pytest.mark.parametrize(
        ("first", "second", "narrower"),
        [
            (None, None, None),
            (LargestBody(MIB, None), None, LargestBody(MIB, None)),
            (LargestBody(MIB, None), LargestBody(64 * MIB, None), LargestBody(64 * MIB, None)),
            (LargestBody(64 * MIB, None), LargestBody(MIB, TOO_LARGE), LargestBody(MIB, TOO_LARGE)),
            (LargestBody(2 * MIB, TOO_LARGE), LargestBody(MIB, None), LargestBody(2 * MIB, TOO_LARGE)),
            (LargestBody(2 * MIB, TOO_LARGE), LargestBody(MIB, TOO_LARGE), LargestBody(MIB, TOO_LARGE)),
        ],
    )
    def test_the_smaller_limit_of_two_routes_is_used(self, first, second, narrower):
        assert request_size.narrower(first, second) == narrower == request_size.narrower(second, first)

    def test_a_closed_connection_is_distinguished_from_a_response(self):
        assert "returns 413" in request_size.of_largest(LargestBody(MIB, TOO_LARGE), "").message
        assert "closes the connection" in request_size.of_largest(LargestBody(MIB, NoResponse(0, "")), "").message

    @pytest.mark.parametrize(
        ("server", "begins"),
        [("nginx/1.22.1", "In nginx:"), ("Apache/2.4", "In Apache:"), ("cloudflare", "Cloudflare"), ("", "Raise")],
    )
    def test_the_remedy_is_for_the_proxy_in_use(self, server, begins):
        assert proxy_hints.fitting(proxy_hints.TOO_LARGE, server).startswith(begins)

    def test_the_error_of_a_wrong_clock_is_reported(self, monkeypatch):
        now = 1_800_000_000.0
        monkeypatch.setattr(proxy_passthrough, "time", SimpleNamespace(time=lambda: now))

        assert proxy_passthrough.of_clock({"now": now - 3}).is_good
        assert "differ by 90 s" in proxy_passthrough.of_clock({"now": now - 90}, "this browser's").message

    def test_results_are_unchanged_after_conversion_to_json_and_back(self):
        results = (check_result.bad("a", "A", "Words.", "Do."), check_result.good("b", "B", "Fine."))

        assert check_result.from_json(json.loads(json.dumps(check_result.as_json(results)))) == results


class TestProbe:
    @pytest.mark.parametrize("url", ["", "photos", "ftp://x", "http://", "http://x:99999", "file:///etc/passwd"])
    def test_an_invalid_site_url_is_rejected(self, url):
        with pytest.raises(NoSite):
            ProbeClient(url)

    def test_a_name_and_password_in_the_url_are_removed(self):
        assert ProbeClient("https://anna:secret@photos.example.org/path").url == "https://photos.example.org"

    @pytest.mark.parametrize("size", [0, 1, 64 << 10, (64 << 10) + 1, MIB])
    def test_a_body_has_exactly_its_size(self, size):
        assert sum(map(len, zeros(size))) == size


@pytest.mark.usefixtures("data_dir")
class TestHost:
    def test_an_ordinary_directory_passes_all_checks(self):
        results = by_code(host.run_checks())

        assert {"space", "one-disk", "rate", "sync", "links", "memory"} <= results.keys()
        assert [code for code, result in results.items() if not result.is_good] == []

    def test_the_checks_leave_no_files(self, data_dir):
        list(host.run_checks())

        assert list((data_dir / "incoming").iterdir()) == []

    def test_little_disk_space_is_a_warning_before_it_runs_out(self, settings, monkeypatch):
        settings.MIN_FREE_BYTES = 512 * MIB
        monkeypatch.setattr("processing.storage.local.local_store.LocalStore.free_bytes", lambda _: 600 * MIB)
        assert by_code(host.run_checks())["space-low"].state == CheckState.WARNING

        monkeypatch.setattr("processing.storage.local.local_store.LocalStore.free_bytes", lambda _: 100 * MIB)
        results = by_code(host.run_checks())
        assert (results["space-out"].state, results["rate-unknown"].state) == (CheckState.BAD, CheckState.WARNING)

    def test_a_directory_on_another_file_system_is_reported(self, data_dir, tmp_path):
        other_disk = Path("/dev/shm")
        if other_disk.stat().st_dev == data_dir.stat().st_dev:
            pytest.skip("/dev/shm is no file system of its own here")
        (data_dir / "originals").rmdir()
        (data_dir / "originals").symlink_to(other_disk)

        assert by_code(host.run_checks())["several-disks"].state == CheckState.BAD

    def test_an_unavailable_storage_is_the_only_result(self, data_dir):
        (data_dir / "incoming").rmdir()

        assert [result.code for result in host.run_checks()] == ["storage-away"]

    def test_a_disk_that_cannot_be_written_is_reported(self, monkeypatch):
        def read_only(*_):
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr("os.fsync", read_only)

        assert "Read-only file system" in by_code(host.run_checks())["write-failed"].message

    def test_a_file_system_without_hard_links_is_reported(self, monkeypatch):
        def reject_link(*_):
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr("os.link", reject_link)

        assert by_code(host.run_checks())["no-links"].state == CheckState.WARNING

    def test_memory_use_above_the_threshold_is_bad(self, tmp_path, settings, monkeypatch):
        (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
        settings.MEMORY_MARK = 80
        monkeypatch.setattr(system_memory.share_in_use, "__defaults__", (tmp_path, tmp_path))

        assert by_code(host.run_checks())["memory-short"].message.startswith("90% used.")


@pytest.mark.django_db
class TestServices:
    def test_without_a_worker_only_the_queue_is_checked(self):
        results = by_code(services.run_checks())

        assert results["no-worker"].state == CheckState.BAD
        assert (
            results["bell-untried"].message == f"The queue ({'Redis' if stack.IS_ON_SERVERS else 'SQLite'}) responds."
        )
        assert {"codecs", "database", "clocks"} <= results.keys()

    def test_a_worker_that_does_not_respond_is_reported(self, monkeypatch):
        monkeypatch.setattr(workers, "ALIVE_SECONDS", 3600)
        workers.heartbeat("deaf")
        monkeypatch.setattr(services, "PING_SECONDS", 0.05)

        results = by_code(services.run_checks())

        assert results["worker"].message.startswith("1 running, last heartbeat ")
        assert results["bell-unheard"].state == CheckState.WARNING

    def test_a_workers_fast_clock_is_detected_by_its_heartbeat(self, monkeypatch):
        monkeypatch.setattr(services, "PING_SECONDS", 0.05)
        WorkerPulse.objects.create(name="ahead", version="1", seen_at=timezone.now() + timedelta(seconds=90))

        assert "worker by " in by_code(services.run_checks())["clocks-differ"].message

    @pytest.mark.embedded
    @pytest.mark.django_db(transaction=True)
    def test_sqlite_settings_that_may_lose_commits_are_reported(self):
        assert by_code(services.run_checks())["database"].message.endswith("journal wal, synchronous full.")

        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
        results = by_code(services.run_checks())
        connection.close()  # the next connection is opened with the setting

        assert results["database-unsafe"].message.endswith("synchronous normal.")

    def test_the_decoders_report_their_versions(self):
        command = [sys.executable, "-m", "processing.pipeline.process.codecs"]
        versions = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)

        assert versions.keys() == {
            "Pillow",
            "JPEG",
            "WebP",
            "AVIF",
            "HEIC",
            "TIFF",
            "JPEG XL",
            "camera RAW",
            "colour profiles",
        }
        assert all(versions.values())
