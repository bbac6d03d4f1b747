"""Problem responses are JSON of one form, and Retry-After comes from one table."""

import re
from pathlib import Path

import pytest
from django.http import HttpResponse

from albums.problem_json import problem
from processing.views import problem_responses

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[3]
BY_HAND = re.compile(r'"Retry-After"\] = "|"Retry-After"\] = str\([A-Z]|JsonResponse\(\{"error"')


def test_a_problem_is_json_of_its_code_its_message_and_further_fields():
    response = problem(409, "album-busy", "Wait.", batch=3)

    assert (response.status_code, response.content) == (
        409,
        b'{"error": "album-busy", "message": "Wait.", "batch": 3}',
    )


@pytest.mark.parametrize("cause", problem_responses.RETRY_AFTER_SECONDS)
def test_a_busy_server_says_when_to_try_again(cause):
    response = problem_responses.busy(HttpResponse(status=503), cause)

    assert int(response["Retry-After"]) == problem_responses.RETRY_AFTER_SECONDS[cause] > 0


def test_no_other_module_builds_problem_responses_or_fixed_retry_after():
    sources = [path for app in ("albums", "config", "processing") for path in (ROOT / app).rglob("*.py")]

    by_hand = {path.stem for path in sources if BY_HAND.search(path.read_text(encoding="utf-8"))}
    assert by_hand == {"problem_json", "problem_responses"}
