import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from processing import jobs
from processing.models import ProcessingJob, WorkerPulse
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

TOKEN = "a-long-secret"


def scrape(client, **headers) -> dict[tuple[str, tuple[str, ...]], float]:
    """Returns the samples by name and values of labels, which are in the order of the labels' names."""
    response = client.get("/metrics", **headers)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
def test_without_a_token_the_server_itself_is_answered(client, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize(
    "request_from",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "192.0.2.7"},
    ],
)
def test_without_a_token_nobody_else_is_answered(client, request_from):
    response = client.get("/metrics", **request_from)

    assert response.status_code == 403
    assert b"metrics-forbidden" in response.content
    assert b"darkroom_" not in response.content


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Basic {TOKEN}", 403),
        ("Bearer wrong", 403),
        ("Bearer ", 403),
        ("Bearer ä", 403),
        (None, 403),
    ],
)
def test_with_a_token_only_its_holder_is_answered(client, settings, header, status):
    settings.METRICS_TOKEN = TOKEN
    headers = {} if header is None else {"HTTP_AUTHORIZATION": header}

    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", **headers).status_code == status
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7", **headers).status_code == status


def test_jobs_and_uploads_are_counted(client, album):
    making.job_in(album, JobState.COMPLETED)
    making.job_in(album, JobState.FAILED)
    pending = making.received(album)
    ProcessingJob.objects.filter(pk=pending.pk).update(created_at=timezone.now() - timedelta(minutes=5))

    samples = scrape(client)

    assert samples["darkroom_uploads_total", ("received",)] == 3
    assert samples["darkroom_jobs_total", ("completed",)] == samples["darkroom_jobs_total", ("failed",)] == 1
    assert samples["darkroom_job_failures_total", ("broken",)] == 1
    assert samples["darkroom_received_bytes_total", ()] > 0
    assert samples["darkroom_queue_jobs", ("pending",)] == samples["darkroom_queue_jobs", ("failed",)] == 1
    assert samples["darkroom_queue_oldest_job_seconds", ()] >= 300
    assert samples["darkroom_photos", ()] == 1
    assert samples["darkroom_job_processing_seconds_count", ()] == 2
    assert samples["darkroom_job_processing_seconds_bucket", ("+Inf",)] == 2


def test_buckets_are_cumulative(client, album):
    for seconds in (0.2, 2, 2, 50):
        making.received(album)
        job = jobs.claim_next("tester")
        job.started_at -= timedelta(seconds=seconds)
        jobs.complete(job, making.photo(album, job), [])

    samples = scrape(client)

    bounds = ("0.1", "0.25", "1.0", "2.5", "30.0", "60.0", "3600.0", "+Inf")
    counts = [samples["darkroom_job_processing_seconds_bucket", (bound,)] for bound in bounds]
    assert counts == [0, 1, 1, 3, 3, 4, 4, 4]
    assert samples["darkroom_job_processing_seconds_sum", ()] >= 54.2


def test_workers_are_counted_by_their_heartbeat(client):
    now = timezone.now()
    for name, age, drained in (("a:1", 5, None), ("b:2", 5, now), ("c:3", 600, None)):
        WorkerPulse.objects.create(name=name, version="1", seen_at=now - timedelta(seconds=age), drained_at=drained)

    samples = scrape(client)

    assert samples["darkroom_workers", ()] == 2
    assert samples["darkroom_workers_draining", ()] == 1
    assert samples["darkroom_worker_heartbeat_timestamp_seconds", ()] == pytest.approx(now.timestamp() - 5, abs=1)


@pytest.mark.parametrize(
    ("path", "view"), [("/albums/", "albums:list"), ("/no/such/page-8731", "unmatched"), ("/static/none.css", "static")]
)
def test_requests_are_counted_by_view_and_never_by_their_path(client, owner, path, view):
    client.force_login(owner)
    before = scrape(client)
    status = client.get(path).status_code
    after = scrape(client)

    key = ("darkroom_http_requests_total", ("GET", str(status), view))
    assert after[key] == before.get(key, 0) + 1
    assert not any(path in labels for _, labels in after if path != "/albums/")


def test_an_unknown_method_is_counted_as_other(client):
    client.generic("INVENTED", "/healthz")

    assert any(name == "darkroom_http_requests_total" and "other" in labels for name, labels in scrape(client))
    assert not any("INVENTED" in labels for _, labels in scrape(client))


def test_missing_storage_is_reported(client, data_dir):
    assert scrape(client)["darkroom_storage_available", ()] == 1
    (data_dir / "originals").rename(data_dir / "away")

    assert scrape(client)["darkroom_storage_available", ()] == 0


def test_the_number_of_queries_does_not_depend_on_the_number_of_jobs(client, album):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            scrape(client)
        return len(captured)

    making.job_in(album, JobState.COMPLETED)
    first = queries()
    for state in 4 * (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED):
        making.job_in(album, state)

    assert queries() == first <= 16


NAME = re.compile(r"\bdarkroom_[a-z_]+")
DEPLOY = Path(__file__).parents[3] / "deploy/prometheus"


@pytest.mark.parametrize("file", ["alerts.yaml", "grafana.json"])
def test_alerts_and_dashboard_use_metrics_that_exist(client, album, file):
    making.job_in(album, JobState.FAILED)
    WorkerPulse.objects.create(name="a:1", version="1")
    names = {name for name, _ in scrape(client)}

    used = set(NAME.findall((DEPLOY / file).read_text()))

    assert len(used) > 5
    assert used - names == set()


def test_every_metric_is_documented(client, album):
    making.job_in(album, JobState.FAILED)
    WorkerPulse.objects.create(name="a:1", version="1")
    names = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name, _ in scrape(client)}

    documented = set(NAME.findall((DEPLOY.parents[1] / "docs/metrics.md").read_text()))

    assert names - documented == set()
    assert documented - names == {"darkroom_storage_free_bytes"} - names


def test_each_alert_says_what_to_do():
    rules = [
        rule for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
    ]

    assert len(rules) >= 8
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert all(rule["annotations"][key].endswith(".") for key in ("summary", "action"))


def test_every_panel_of_the_dashboard_has_a_query():
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]

    assert len({panel["title"] for panel in panels}) == len(panels) > 10
    assert all(target["expr"] for panel in panels for target in panel["targets"])
