"""The limits page and the probe behind the front door, through HTTP."""

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
def keeper(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def measured(limit: int | None, *found: check_result.CheckResult) -> Measurement:
    """A front door that takes so many bytes and no more; None: one that was not reached."""
    largest = None if limit is None else LargestBody(limit, NoResponse(0, ""))
    return measurements.save(Examination("https://photos.example.org", largest, found, ()))


@pytest.mark.once
class TestProbe:
    def test_it_counts_what_arrives_and_tells_what_it_saw(self, keeper):
        before = time.time()
        answer = keeper.patch(PROBE, b"x" * 100_000, BYTES, headers={"Upload-Offset": "17", "Tus-Resumable": "1.0.0"})

        told = answer.json()
        assert (answer.status_code, told["bytes"], told["scheme"], told["host"]) == (200, 100_000, "http", "testserver")
        assert (told["headers"]["Upload-Offset"], told["headers"]["Upload-Checksum"]) == ("17", None)
        assert (answer["X-Darkroom-Probe"], answer["Upload-Offset"]) == ("PATCH", "17")
        assert before <= told["now"] <= time.time()

    @pytest.mark.parametrize("status", [409, 410, 412, 460])
    def test_it_answers_as_it_is_asked(self, keeper, status):
        assert keeper.post(f"{PROBE}?answer={status}").status_code == status

    @pytest.mark.parametrize("asked", ["500", "302", "x", "", "-1"])
    def test_but_only_with_what_uploads_are_answered_with(self, keeper, asked):
        assert keeper.post(f"{PROBE}?answer={asked}").status_code == 200

    def test_head_and_delete_are_answered(self, keeper):
        assert keeper.head(PROBE)["X-Darkroom-Probe"] == "HEAD"
        assert keeper.delete(PROBE).json()["bytes"] == 0

    @pytest.mark.parametrize("asked", ["nan", "x", "-5", "", "inf"])
    def test_a_wait_that_makes_no_sense_is_none_or_bounded(self, keeper, asked, settings):
        settings.BODY_IDLE_SECONDS = 0.15

        assert keeper.post(f"{PROBE}?late={asked}&hold={asked}").status_code == 200

    def test_nobody_waits_longer_than_a_silence_may_be(self, keeper, settings):
        settings.BODY_IDLE_SECONDS = 0.3

        began = time.monotonic()
        keeper.post(f"{PROBE}?late=3600")

        assert 0.2 <= time.monotonic() - began < 3600

    def test_no_larger_body_than_is_tried_is_measured(self, keeper, monkeypatch):
        monkeypatch.setattr(doctor_limits, "MAX_BODY_BYTES", 1000)

        answer = keeper.patch(PROBE, b"x" * 1001, BYTES)

        assert (answer.status_code, answer.json()["error"]) == (413, "probe-too-large")

    def test_only_some_are_served_at_once(self, keeper):
        taken = [probe._turns.acquire(blocking=False) for _ in range(5)]
        try:
            answer = keeper.post(PROBE)
        finally:
            for _ in filter(None, taken):
                probe._turns.release()

        assert (answer.status_code, answer.json()["error"]) == (429, "measuring")
        assert keeper.post(PROBE).status_code == 200

    def test_who_is_not_signed_in_is_not_served(self):
        assert Client().post(PROBE).status_code == 401

    def test_for_who_may_not_change_any_album_it_does_not_exist(self, owner):
        client = Client()
        client.force_login(owner)

        assert client.post(PROBE).status_code == 404

    def test_a_foreign_page_cannot_send_to_it(self, admin):
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin)

        assert client.post(PROBE, b"x", BYTES, headers={"Origin": "https://evil.example"}).status_code == 403

    def test_other_methods_are_refused(self, keeper):
        assert {keeper.get(PROBE).status_code, keeper.put(PROBE).status_code} == {405}

    def test_the_servers_own_ticket_opens_it(self):
        assert (
            Client(enforce_csrf_checks=True).post(PROBE, headers={probe_token.HEADER: probe_token.issue()}).status_code
            == 200
        )

    @pytest.mark.parametrize("forged", ["probe", "probe:1:x", ""])
    def test_no_other_does(self, forged):
        assert Client().post(PROBE, headers={probe_token.HEADER: forged}).status_code == 401

    def test_nor_one_that_is_old(self, monkeypatch):
        monkeypatch.setattr(probe_token, "GOOD_FOR_SECONDS", -1)

        assert Client().post(PROBE, headers={probe_token.HEADER: probe_token.issue()}).status_code == 401

    def test_and_it_opens_nothing_else(self):
        assert Client().get(PAGE, headers={probe_token.HEADER: probe_token.issue()}).status_code == 302


class TestPage:
    def test_before_anything_was_measured(self, keeper):
        page = keeper.get(PAGE).content.decode()

        assert "Not run yet." in page
        assert "Nothing to free up" in page

    def test_troubles_come_first_with_what_to_do(self, keeper):
        measured(
            1 << 20,
            check_result.good("methods", "Methods", "All pass."),
            check_result.warning("buffering", "Request buffering", "Requests are held.", "In nginx: so."),
            check_result.bad("body-limit", "Max request size", "At most 1 MB.", "In nginx: thus."),
        )

        response = keeper.get(PAGE)

        limits = response.context["limits"]
        assert [found.code for found in limits.groups[0].problems] == ["body-limit", "buffering"]
        assert [found.code for found in limits.groups[0].passed] == ["methods"]
        assert (limits.failed_count, limits.warning_count, limits.chunk_bytes) == (1, 1, 1 << 20)
        assert "In nginx: thus." in response.content.decode()

    def test_the_queue_links_to_it_for_who_may_see_it(self, keeper, owner):
        client = Client()
        client.force_login(owner)

        assert b'href="/limits/"' in keeper.get("/jobs/").content
        assert b'href="/limits/"' not in client.get("/jobs/").content


@pytest.mark.django_db(transaction=True)
class TestMeasuring:
    @pytest.fixture(autouse=True)
    def nobody_listens(self, settings):
        """The server's own part ends at once: nobody is at its address. Where somebody is: tests/faults/test_front_door.py."""
        with socket.socket() as held:  # nobody else can get the port, and connections to it are refused
            held.bind(("127.0.0.1", 0))
            settings.PUBLIC_URL, settings.HOST, settings.PORT = "", "127.0.0.1", held.getsockname()[1]
            yield

    def finish(self) -> Measurement:
        return polling.until(lambda: Measurement.objects.exclude(ended_at=None).first(), 60, "it does not end")

    def test_what_the_browser_measured_counts_at_once(self, keeper, monkeypatch):
        now = time.time_ns()
        monkeypatch.setattr(proxy_passthrough, "time", SimpleNamespace(time=lambda: now / 1e9))
        fields = {
            "largest": str(3 << 20),
            "refusal": "413",
            "buffers": "yes",
            "server": "nginx",
            "now": str(now // 10**6),
        }

        assert keeper.post(MEASURE, fields).url == PAGE

        assert measurements.chunk_bytes() == 3 << 20
        done = self.finish()
        assert [found["code"] for found in done.browser] == ["body-limit", "buffering", "clock"]
        assert done.browser[0]["remedy"] == "In nginx: client_max_body_size 0;"
        assert (done.largest_body, done.door[0]["code"]) == (3 << 20, "door-unreachable")
        assert "database" in {found["code"] for found in done.inside}

    def test_fields_that_make_no_sense_are_no_measurement(self, keeper):
        keeper.post(
            MEASURE, {"largest": "-1", "refusal": "x", "buffers": "maybe", "now": "9" * 40, "server": "x" * 10_000}
        )

        assert self.finish().browser == []
        assert measurements.chunk_bytes() == doctor_limits.DEFAULT_CHUNK_BYTES

    def test_the_address_is_never_the_askers(self, keeper, settings):
        settings.ALLOWED_HOSTS = ["*"]

        keeper.post(MEASURE, {"url": "http://10.0.0.1/"}, headers={"Host": "169.254.169.254"})

        assert self.finish().address == f"http://127.0.0.1:{settings.PORT}"

    def test_one_measurement_runs_at_a_time(self, keeper):
        Measurement.objects.create(address="x")

        keeper.post(MEASURE)

        assert Measurement.objects.count() == 1
        assert "This page updates automatically." in keeper.get(PAGE).content.decode()

    def test_of_several_clicks_at_once_one_begins_to_measure(self, keeper):
        start = Barrier(CLICKS)

        def click() -> int:
            try:
                start.wait(60)
                return measurements.begin().pk
            finally:
                connection.close()

        with ThreadPoolExecutor(CLICKS) as pool:
            begun = {pool.submit(click) for _ in range(CLICKS)}

        assert {each.result() for each in begun} == {Measurement.objects.get().pk}
        self.finish()

    def test_the_page_looks_again_for_one_that_ends_while_it_is_made(self, keeper, monkeypatch):
        Measurement.objects.create(address="x")
        before, ended = measurements.last(), Measurement.objects.filter(ended_at=None)
        monkeypatch.setattr(measurements, "last", lambda: ended.update(ended_at=timezone.now()) and before)

        page = keeper.get(PAGE).content.decode()

        assert "Not run yet" in page
        assert "This page updates automatically." in page


class TestChunkBytes:
    def test_until_something_is_measured_it_is_the_preferred(self):
        assert measurements.chunk_bytes() == 8 << 20

    @pytest.mark.parametrize(
        ("largest", "chunk"),
        [(64 << 20, 8 << 20), (1 << 20, 1 << 20), ((1 << 20) + 4711, 1 << 20), (1000, 64 << 10), (None, 8 << 20)],
    )
    def test_it_fits_through_the_front_door(self, largest, chunk):
        measured(largest)

        assert measurements.chunk_bytes() == chunk

    def test_what_was_not_tried_on_a_slow_line_is_no_limit(self):
        measurements.save(Examination("https://photos.example.org", LargestBody(1 << 20, None), (), ()))

        assert measurements.chunk_bytes() == 8 << 20

    def test_the_last_measurement_holds(self):
        measured(1 << 20)
        measured(2 << 20)

        assert measurements.chunk_bytes() == 2 << 20

    def test_one_that_could_not_reach_the_door_changes_nothing(self):
        measured(1 << 20)
        measured(None)

        assert measurements.chunk_bytes() == 1 << 20

    def test_the_setting_wins(self, settings):
        settings.CHUNK_BYTES = 16 << 20
        measured(1 << 20)

        assert measurements.chunk_bytes() == 16 << 20

    def test_few_measurements_are_kept(self):
        for _ in range(measurements.KEPT + 3):
            measured(None)

        assert Measurement.objects.count() == measurements.KEPT

    def test_the_manifest_tells_it(self, keeper, album):
        measured(1 << 20)

        address = reverse("processing:manifest", args=[album.pk])
        told = keeper.post(address, json.dumps({"files": []}), "application/json").json()

        assert told["chunk_bytes"] == 1 << 20

    def test_a_measurement_that_was_killed_stops_nothing(self):
        Measurement.objects.create(address="x", begun_at=timezone.now() - measurements.MAX_SECONDS * 2)

        assert measurements.running() is None
