from datetime import timedelta

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from config.http import health
from processing.models import WorkerPulse
from processing.rendering import worker

pytestmark = pytest.mark.django_db

PARTS = {"database", "migrations", "queue", "worker", "storage", "disk", "memory", "static_files"}


@pytest.fixture(autouse=True)
def complete_installation(settings, tmp_path):
    """A running worker and collected static files. The test settings have neither."""
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "staticfiles.json").write_text("{}")
    settings.MIN_FREE_BYTES = 0
    settings.MEMORY_MARK = 100
    WorkerPulse.objects.create(name=worker.name(), version="1")


def failing(client) -> dict[str, str]:
    """Returns the reasons of the parts that fail."""
    health.readiness_check.clear()
    response = client.get("/readyz")
    report = response.json()
    reasons = {name: check["reason"] for name, check in report["checks"].items() if not check["ok"]}
    assert set(report["checks"]) == PARTS
    assert (response.status_code, report["status"]) == ((503, "failing") if reasons else (200, "ok"))
    return reasons


def test_a_complete_installation_is_ready(client):
    assert failing(client) == {}


def test_without_a_recent_heartbeat_the_worker_is_missing(client):
    WorkerPulse.objects.update(seen_at=timezone.now() - timedelta(seconds=61))

    assert "manage.py run_huey" in failing(client)["worker"]
    assert client.get("/healthz").status_code == 200  # the web server works, and must not be restarted


def test_missing_storage_is_named(client, data_dir):
    (data_dir / "renditions").rename(data_dir / "away")

    assert set(failing(client)) == {"storage"}


def test_a_full_disk_is_named(client, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    assert failing(client) == {"disk": "The server's disk is full. Processing resumes when space is freed."}


def test_missing_static_files_are_named(client, settings, tmp_path):
    (tmp_path / "staticfiles.json").unlink()

    assert failing(client) == {"static_files": "Run manage.py collectstatic."}


def test_an_unapplied_migration_is_named(client):
    health._migrated.clear()
    MigrationRecorder.Migration.objects.filter(app="processing").order_by("-pk").first().delete()

    assert failing(client) == {"migrations": "Run manage.py migrate."}


def test_an_unavailable_queue_is_named_without_its_address(client, monkeypatch):
    def fail() -> int:
        raise ConnectionError("redis://user:password@host")

    monkeypatch.setattr(HUEY.storage, "queue_size", fail)

    assert failing(client) == {"queue": "No response."}


def test_a_result_is_reused_for_a_second(client):
    assert client.get("/readyz").status_code == 200
    WorkerPulse.objects.all().delete()

    assert client.get("/readyz").status_code == 200
    assert set(failing(client)) == {"worker"}
