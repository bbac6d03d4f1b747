"""manage.py doctor. Before a real web server and real proxies: tests/faults/test_front_door.py."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from processing.models import Measurement
from tests import servers

pytestmark = pytest.mark.django_db


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{servers.free_port()}"


def run(*arguments: str) -> str:
    """It finds that no worker is running, which is bad."""
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor", *arguments, stdout=out)
    return out.getvalue()


def test_each_finding_has_its_words_and_what_is_amiss_its_remedy(nobody):
    lines = run("--url", nobody).splitlines()

    assert lines[0] == f"Checked {nobody}"
    worker = lines.index("BAD   Workers: No worker is running. Uploads are kept, but not processed. (no-worker)")
    assert lines[worker + 1].strip().startswith("Start one: manage.py run_huey")
    assert lines[-1] == "Chunk size: 8.0\xa0MB."


def test_as_json_it_is_one_object(nobody):
    told = json.loads(run("--url", nobody, "--json"))

    assert (told["address"], told["largest_body"], told["chunk_bytes"]) == (nobody, None, 8 << 20)
    assert {"code", "state", "title", "words", "remedy"} == told["findings"][0].keys()
    assert told["findings"][0]["code"] == "door-unreachable"


def test_only_what_shall_be_kept_is_kept(nobody):
    run("--url", nobody)
    assert not Measurement.objects.exists()

    run("--url", nobody, "--set")
    assert Measurement.objects.get().address == nobody


def test_without_an_address_it_is_the_installations_own(settings, nobody):
    settings.PUBLIC_URL = nobody

    assert run().startswith(f"Checked {nobody}\n")


@pytest.mark.parametrize(
    "url", ["", "photos", "ftp://photos.example.org", "http://", "http://x:99999", "file:///etc/passwd"]
)
def test_what_is_no_address_of_a_site_is_refused(url, settings):
    settings.PUBLIC_URL = url

    if url:
        with pytest.raises(CommandError, match="is not a site's address"):
            call_command("doctor", "--url", url)
