"""The diagnostics page (`/limits/`) and the probe that measures the proxy, through HTTP."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from processing.doctor import check_result, measurements, probe_token, proxy_passthrough
from processing.doctor import limits as doctor_limits
from processing.doctor.http_probe import NoResponse
from processing.doctor.request_size import LargestBody
from processing.doctor.run import Examination
from processing.models import Measurement
from processing.views import probe
from tests import polling

pytestmark = pytest.mark.django_db

PROBE, PAGE, MEASURE = "/limits/probe/", "/limits/", "/limits/measure/"
BYTES = "application/octet-stream"
CLICKS = 8


@pytest.fixture
def admin_client(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def save_measurement(limit: int | None, *results: check_result.CheckResult) -> Measurement:
    """Saves a measurement of a proxy that accepts `limit` bytes, or, with None, of one that was not reached."""
    largest = None if limit is None else LargestBody(limit, NoResponse(0, ""))
    return measurements.save(Examination("https://photos.example.org", largest, results, ()))


@pytest.mark.once
class TestProbe:
    def test_the_probe_returns_the_bytes_and_headers_that_it_received(self, admin_client):
        before = time.time()
        response = admin_client.patch(
            PROBE, b"x" * 100_000, BYTES, headers={"Upload-Offset": "17", "Tus-Resumable": "1.0.0"}
        )

        payload = response.json()
        assert (response.status_code, payload["bytes"], payload["scheme"], payload["host"]) == (
            200,
            100_000,
            "http",
            "testserver",
        )
        assert (payload["headers"]["Upload-Offset"], payload["headers"]["Upload-Checksum"]) == ("17", None)
        assert (response["X-Darkroom-Probe"], response["Upload-Offset"]) == ("PATCH", "17")
        assert before <= payload["now"] <= time.time()

    @pytest.mark.parametrize("status", [409, 410, 412, 460])
    def test_the_probe_returns_the_requested_status(self, admin_client, status):
        assert admin_client.post(f"{PROBE}?answer={status}").status_code == status

    @pytest.mark.parametrize("status", ["500", "302", "x", "", "-1"])
    def test_the_probe_ignores_a_status_that_uploads_never_return(self, admin_client, status):
        assert admin_client.post(f"{PROBE}?answer={status}").status_code == 200

    def test_the_probe_supports_head_and_delete(self, admin_client):
        assert admin_client.head(PROBE)["X-Darkroom-Probe"] == "HEAD"
        assert admin_client.delete(PROBE).json()["bytes"] == 0

    @pytest.mark.parametrize("seconds", ["nan", "x", "-5", "", "inf"])
    def test_an_invalid_wait_is_ignored_or_limited(self, admin_client, seconds, settings):
        settings.BODY_IDLE_SECONDS = 0.15

        assert admin_client.post(f"{PROBE}?late={seconds}&hold={seconds}").status_code == 200

    def test_a_wait_is_limited_to_the_idle_timeout(self, admin_client, settings):
        settings.BODY_IDLE_SECONDS = 0.3

        began = time.monotonic()
        admin_client.post(f"{PROBE}?late=3600")

        assert 0.2 <= time.monotonic() - began < 3600

    def test_a_body_larger_than_the_doctor_tries_is_rejected(self, admin_client, monkeypatch):
        monkeypatch.setattr(doctor_limits, "MAX_BODY_BYTES", 1000)

        response = admin_client.patch(PROBE, b"x" * 1001, BYTES)

        assert (response.status_code, response.json()["error"]) == (413, "probe-too-large")

    def test_only_a_few_probes_run_at_once(self, admin_client):
        acquired = [probe._turns.acquire(blocking=False) for _ in range(5)]
        try:
            response = admin_client.post(PROBE)
        finally:
            for _ in filter(None, acquired):
                probe._turns.release()

        assert (response.status_code, response.json()["error"]) == (429, "measuring")
        assert admin_client.post(PROBE).status_code == 200

    def test_an_anonymous_request_gets_401(self):
        assert Client().post(PROBE).status_code == 401

    def test_the_probe_does_not_exist_for_users_who_are_no_album_admins(self, owner):
        client = Client()
        client.force_login(owner)

        assert client.post(PROBE).status_code == 404

    def test_a_request_from_another_origin_is_rejected(self, admin):
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin)

        assert client.post(PROBE, b"x", BYTES, headers={"Origin": "https://evil.example"}).status_code == 403

    def test_other_methods_get_405(self, admin_client):
        assert {admin_client.get(PROBE).status_code, admin_client.put(PROBE).status_code} == {405}

    def test_a_probe_token_allows_the_request(self):
        assert (
            Client(enforce_csrf_checks=True).post(PROBE, headers={probe_token.HEADER: probe_token.issue()}).status_code
            == 200
        )

    @pytest.mark.parametrize("forged", ["probe", "probe:1:x", ""])
    def test_a_forged_probe_token_is_rejected(self, forged):
        assert Client().post(PROBE, headers={probe_token.HEADER: forged}).status_code == 401

    def test_an_expired_probe_token_is_rejected(self, monkeypatch):
        monkeypatch.setattr(probe_token, "GOOD_FOR_SECONDS", -1)

        assert Client().post(PROBE, headers={probe_token.HEADER: probe_token.issue()}).status_code == 401

    def test_a_probe_token_opens_no_other_page(self):
        assert Client().get(PAGE, headers={probe_token.HEADER: probe_token.issue()}).status_code == 302


class TestPage:
    def test_the_page_says_that_nothing_was_measured_yet(self, admin_client):
        page = admin_client.get(PAGE).content.decode()

        assert "Not run yet." in page
        assert "Nothing to free up" in page

    def test_problems_are_listed_first_with_a_remedy(self, admin_client):
        save_measurement(
            1 << 20,
            check_result.good("methods", "Methods", "All pass."),
            check_result.warning("buffering", "Request buffering", "Requests are held.", "In nginx: so."),
            check_result.bad("body-limit", "Max request size", "At most 1 MB.", "In nginx: thus."),
        )

        response = admin_client.get(PAGE)

        limits = response.context["limits"]
        assert [result.code for result in limits.groups[0].problems] == ["body-limit", "buffering"]
        assert [result.code for result in limits.groups[0].passed] == ["methods"]
        assert (limits.failed_count, limits.warning_count, limits.chunk_bytes) == (1, 1, 1 << 20)
        assert "In nginx: thus." in response.content.decode()

    def test_the_queue_links_to_diagnostics_for_users_who_may_see_them(self, admin_client, owner):
        client = Client()
        client.force_login(owner)

        assert b'href="/limits/"' in admin_client.get("/jobs/").content
        assert b'href="/limits/"' not in client.get("/jobs/").content


@pytest.mark.django_db(transaction=True)
class TestMeasuring:
    @pytest.fixture(autouse=True)
    def refuse_connections(self, settings):
        """Makes the server's own part end at once: connections are refused. tests/faults/test_front_door.py has a server."""
        with (
            socket.socket() as socket_without_listener
        ):  # no other process can get the port, and connections to it are refused
            socket_without_listener.bind(("127.0.0.1", 0))
            settings.PUBLIC_URL, settings.HOST, settings.PORT = (
                "",
                "127.0.0.1",
                socket_without_listener.getsockname()[1],
            )
            yield

    def finish(self) -> Measurement:
        return polling.until(lambda: Measurement.objects.exclude(ended_at=None).first(), 60, "it does not end")

    def test_results_of_the_browser_take_effect_at_once(self, admin_client, monkeypatch):
        now = time.time_ns()
        monkeypatch.setattr(proxy_passthrough, "time", SimpleNamespace(time=lambda: now / 1e9))
        fields = {
            "largest": str(3 << 20),
            "refusal": "413",
            "buffers": "yes",
            "server": "nginx",
            "now": str(now // 10**6),
        }

        assert admin_client.post(MEASURE, fields).url == PAGE

        assert measurements.chunk_bytes() == 3 << 20
        measurement = self.finish()
        assert [result["code"] for result in measurement.browser] == ["body-limit", "buffering", "clock"]
        assert measurement.browser[0]["remedy"] == "In nginx: client_max_body_size 0;"
        assert (measurement.largest_body, measurement.door[0]["code"]) == (3 << 20, "door-unreachable")
        assert "database" in {result["code"] for result in measurement.inside}

    def test_invalid_fields_are_not_saved_as_results(self, admin_client):
        admin_client.post(
            MEASURE, {"largest": "-1", "refusal": "x", "buffers": "maybe", "now": "9" * 40, "server": "x" * 10_000}
        )

        assert self.finish().browser == []
        assert measurements.chunk_bytes() == doctor_limits.DEFAULT_CHUNK_BYTES

    def test_the_measured_address_never_comes_from_the_request(self, admin_client, settings):
        settings.ALLOWED_HOSTS = ["*"]

        admin_client.post(MEASURE, {"url": "http://10.0.0.1/"}, headers={"Host": "169.254.169.254"})

        assert self.finish().address == f"http://127.0.0.1:{settings.PORT}"

    def test_one_measurement_runs_at_a_time(self, admin_client):
        Measurement.objects.create(address="x")

        admin_client.post(MEASURE)

        assert Measurement.objects.count() == 1
        assert "This page updates automatically." in admin_client.get(PAGE).content.decode()

    def test_simultaneous_clicks_start_one_measurement(self, admin_client):
        start = Barrier(CLICKS)

        def click() -> int:
            try:
                start.wait(60)
                return measurements.begin().pk
            finally:
                connection.close()

        with ThreadPoolExecutor(CLICKS) as pool:
            futures = {pool.submit(click) for _ in range(CLICKS)}

        assert {future.result() for future in futures} == {Measurement.objects.get().pk}
        self.finish()

    def test_the_page_polls_after_a_measurement_ended_during_rendering(self, admin_client, monkeypatch):
        Measurement.objects.create(address="x")
        running, unended = measurements.last(), Measurement.objects.filter(ended_at=None)
        monkeypatch.setattr(measurements, "last", lambda: unended.update(ended_at=timezone.now()) and running)

        page = admin_client.get(PAGE).content.decode()

        assert "Not run yet" in page
        assert "This page updates automatically." in page


class TestChunkBytes:
    def test_without_a_measurement_the_default_chunk_size_is_used(self):
        assert measurements.chunk_bytes() == 8 << 20

    @pytest.mark.parametrize(
        ("largest", "chunk_bytes"),
        [(64 << 20, 8 << 20), (1 << 20, 1 << 20), ((1 << 20) + 4711, 1 << 20), (1000, 64 << 10), (None, 8 << 20)],
    )
    def test_the_chunk_size_fits_through_the_proxy(self, largest, chunk_bytes):
        save_measurement(largest)

        assert measurements.chunk_bytes() == chunk_bytes

    def test_a_size_that_was_not_tried_is_not_a_limit(self):
        measurements.save(Examination("https://photos.example.org", LargestBody(1 << 20, None), (), ()))

        assert measurements.chunk_bytes() == 8 << 20

    def test_the_last_measurement_counts(self):
        save_measurement(1 << 20)
        save_measurement(2 << 20)

        assert measurements.chunk_bytes() == 2 << 20

    def test_a_measurement_that_did_not_reach_the_proxy_changes_nothing(self):
        save_measurement(1 << 20)
        save_measurement(None)

        assert measurements.chunk_bytes() == 1 << 20

    def test_the_setting_overrides_the_measurement(self, settings):
        settings.CHUNK_BYTES = 16 << 20
        save_measurement(1 << 20)

        assert measurements.chunk_bytes() == 16 << 20

    def test_old_measurements_are_deleted(self):
        for _ in range(measurements.KEPT + 3):
            save_measurement(None)

        assert Measurement.objects.count() == measurements.KEPT

    def test_the_manifest_returns_the_chunk_size(self, admin_client, album):
        save_measurement(1 << 20)

        address = reverse("processing:manifest", args=[album.pk])
        payload = admin_client.post(address, json.dumps({"files": []}), "application/json").json()

        assert payload["chunk_bytes"] == 1 << 20

    def test_a_killed_measurement_does_not_count_as_running(self):
        Measurement.objects.create(address="x", begun_at=timezone.now() - measurements.MAX_SECONDS * 2)

        assert measurements.running() is None
