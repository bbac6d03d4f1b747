"""`manage.py check` reports unsafe settings, and reports nothing about a safe installation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import Tags, run_checks

MANAGE = Path(__file__).parents[2] / "manage.py"


def message_ids() -> set[str]:
    return {message.id for message in run_checks(tags=[Tags.security])}


def test_an_installation_behind_tls_passes_djangos_deployment_check(tmp_path):
    env = {"PATH": os.defpath, "DATA_DIR": str(tmp_path / "data"), "PUBLIC_URL": "https://photos.example.org"}

    completed = subprocess.run(
        [sys.executable, str(MANAGE), "check", "--deploy", "--fail-level", "DEBUG"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (completed.returncode, completed.stdout) == (0, "System check identified no issues (3 silenced).\n"), (
        completed.stderr
    )


def test_the_tests_own_installation_is_safe():
    assert message_ids() == set()


@pytest.mark.parametrize(("size", "ids"), [(0, set()), (1024, {"darkroom.E004"}), (64 << 10, set())])
def test_tus_chunks_that_are_too_small_stop_the_start(settings, size, ids):
    settings.CHUNK_BYTES = size

    assert message_ids() == ids


def test_debug_mode_on_a_public_address_stops_the_start(settings):
    settings.DEBUG, settings.HOST = True, "0.0.0.0"

    assert message_ids() == {"darkroom.E001"}


def test_a_short_secret_key_stops_the_start(settings):
    settings.SECRET_KEY = "secret"

    assert message_ids() == {"darkroom.E002"}


@pytest.mark.parametrize(
    "address", ["photos.example.org", "ftp://example.org", "https://", "https://example.org/photos"]
)
def test_an_invalid_public_url_stops_the_start(settings, address):
    settings.PUBLIC_URL = address

    assert message_ids() == {"darkroom.E003"}


def test_a_data_directory_readable_by_others_is_reported(settings):
    settings.DATA_DIR.chmod(0o755)

    assert message_ids() == {"darkroom.W001"}


def test_inconsistent_rendition_settings_stop_the_start(settings):
    settings.WEBP_QUALITY = [82, 80]

    assert message_ids() == {"darkroom.E005"}


@pytest.mark.parametrize("name", ["S3_ENDPOINT", "S3_BROWSER_ENDPOINT"])
@pytest.mark.parametrize("address", ["s3.example.org", "localhost:9000", "https://s3.example.org/photos"])
def test_an_invalid_s3_endpoint_stops_the_start(settings, name, address):
    setattr(settings, name, address)

    assert message_ids() == {"darkroom.E006"}


@pytest.mark.parametrize("name", ["S3_ACCESS_KEY", "S3_SECRET_KEY"])
def test_half_an_s3_key_stops_the_start(settings, name):
    settings.S3_ACCESS_KEY = settings.S3_SECRET_KEY = ""
    setattr(settings, name, "half")

    assert message_ids() == {"darkroom.E007"}
