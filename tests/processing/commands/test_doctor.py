"""manage.py doctor. Tests with a real web server and real proxies are in tests/faults/test_front_door.py."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from processing.models import Measurement
from tests import servers

pytestmark = pytest.mark.django_db


@pytest.fixture
def unused_url() -> str:
    """The address of a server that is not running."""
    return f"http://127.0.0.1:{servers.free_port()}"


def run(*arguments: str) -> str:
    """Returns the output. The exit status is 1, because no worker is running."""
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor", *arguments, stdout=out)
    return out.getvalue()


def test_each_finding_has_a_message_and_each_problem_a_remedy(unused_url):
    lines = run("--url", unused_url).splitlines()

    assert lines[0] == f"Checked {unused_url}"
    worker = lines.index("BAD   Workers: No worker is running. Uploads are kept, but not processed. (no-worker)")
    assert lines[worker + 1].strip().startswith("Start one: manage.py run_huey")
    assert lines[-1] == "Chunk size: 8.0\xa0MB."


def test_the_json_output_is_one_object(unused_url):
    report = json.loads(run("--url", unused_url, "--json"))

    assert (report["address"], report["largest_body"], report["chunk_bytes"]) == (unused_url, None, 8 << 20)
    assert {"code", "state", "title", "words", "remedy"} == report["findings"][0].keys()
    assert report["findings"][0]["code"] == "door-unreachable"


def test_a_measurement_is_stored_only_with_the_option_set(unused_url):
    run("--url", unused_url)
    assert not Measurement.objects.exists()

    run("--url", unused_url, "--set")
    assert Measurement.objects.get().address == unused_url


def test_without_a_url_the_installations_own_is_checked(settings, unused_url):
    settings.PUBLIC_URL = unused_url

    assert run().startswith(f"Checked {unused_url}\n")


@pytest.mark.parametrize(
    "url", ["", "photos", "ftp://photos.example.org", "http://", "http://x:99999", "file:///etc/passwd"]
)
def test_an_invalid_url_is_rejected(url, settings):
    settings.PUBLIC_URL = url

    if url:
        with pytest.raises(CommandError, match="is not a site's address"):
            call_command("doctor", "--url", url)
