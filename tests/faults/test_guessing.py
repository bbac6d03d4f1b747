"""Password guessing against a real server with two web processes."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.installation import NAME, PASSWORD, Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

GUESSES, ATTEMPTS = 24, 10
CREATE = f"""
from django.contrib.auth.models import User
user = User.objects.get(username="{NAME}")
User.objects.create(username="victim", password=user.password)
"""


@pytest.fixture
def installation(tmp_path) -> Iterator[Installation]:
    with Installation(tmp_path, {"WEB_PROCESSES": "2"}) as installation:
        installation.manage("shell", "-c", CREATE)
        installation.start("serve")
        yield installation


def sign_in_form(installation: Installation) -> tuple[requests.Session, str]:
    """Return a client that has loaded the sign-in form, and the form's CSRF token."""
    client = requests.Session()
    client.headers["Connection"] = "close"
    client.get(f"{installation.url}/accounts/login/", timeout=60)
    return client, client.cookies["csrftoken"]


def test_simultaneous_guesses_are_counted_before_any_password_is_checked(installation) -> None:
    forms = [sign_in_form(installation) for _ in range(GUESSES)]
    start = threading.Barrier(GUESSES)
    spellings = ["victim", " victim", "VICTIM", "\uff56\uff49\uff43\uff54\uff49\uff4d"]

    def guess(number: int) -> requests.Response:
        client, token = forms[number]
        form = {"username": spellings[number % 4], "password": "a poor guess", "csrfmiddlewaretoken": token}
        start.wait(60)
        return client.post(f"{installation.url}/accounts/login/", form, timeout=60)

    with ThreadPoolExecutor(GUESSES) as pool:
        responses = list(pool.map(guess, range(GUESSES)))

    assert Counter(response.status_code for response in responses) == {200: ATTEMPTS, 429: GUESSES - ATTEMPTS}
    assert all(
        1 <= int(response.headers["Retry-After"]) <= 300 for response in responses if response.status_code == 429
    )
    assert (
        installation.sign_in(NAME, PASSWORD).get(f"{installation.url}/albums/", timeout=60).ok
    )  # from the same network
    assert installation.answers()
