"""What `manage.py check` says about an unsafe installation, and that it says nothing about a safe one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import Tags, run_checks

MANAGE = Path(__file__).parents[2] / "manage.py"


def found() -> set[str]:
    return {message.id for message in run_checks(tags=[Tags.security])}


def test_an_installation_behind_tls_is_clean_for_djangos_deployment_check(tmp_path):
    env = {"PATH": os.defpath, "DATA_DIR": str(tmp_path / "data"), "PUBLIC_URL": "https://photos.example.org"}

    done = subprocess.run(
        [sys.executable, str(MANAGE), "check", "--deploy", "--fail-level", "DEBUG"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "System check identified no issues (3 silenced).\n"), done.stderr


def test_the_tests_own_installation_is_safe():
    assert found() == set()


@pytest.mark.parametrize(("size", "ids"), [(0, set()), (1024, {"darkroom.E004"}), (64 << 10, set())])
def test_parts_too_small_to_be_worth_a_request_stop_the_start(settings, size, ids):
    settings.CHUNK_BYTES = size

    assert found() == ids


def test_debugging_in_public_stops_the_start(settings):
    settings.DEBUG, settings.HOST = True, "0.0.0.0"

    assert found() == {"darkroom.E001"}


def test_a_short_key_stops_the_start(settings):
    settings.SECRET_KEY = "secret"

    assert found() == {"darkroom.E002"}


@pytest.mark.parametrize(
    "address", ["photos.example.org", "ftp://example.org", "https://", "https://example.org/photos"]
)
def test_an_address_that_is_none_stops_the_start(settings, address):
    settings.PUBLIC_URL = address

    assert found() == {"darkroom.E003"}


def test_data_that_others_can_read_is_warned_of(settings):
    settings.DATA_DIR.chmod(0o755)

    assert found() == {"darkroom.W001"}


def test_sizes_that_make_no_ladder_stop_the_start(settings):
    settings.WEBP_QUALITY = [82, 80]

    assert found() == {"darkroom.E005"}


@pytest.mark.parametrize("name", ["S3_ENDPOINT", "S3_BROWSER_ENDPOINT"])
@pytest.mark.parametrize("address", ["s3.example.org", "localhost:9000", "https://s3.example.org/photos"])
def test_an_endpoint_that_is_none_stops_the_start(settings, name, address):
    setattr(settings, name, address)

    assert found() == {"darkroom.E006"}


@pytest.mark.parametrize("name", ["S3_ACCESS_KEY", "S3_SECRET_KEY"])
def test_half_a_key_stops_the_start(settings, name):
    settings.S3_ACCESS_KEY = settings.S3_SECRET_KEY = ""
    setattr(settings, name, "half")

    assert found() == {"darkroom.E007"}
