"""Passkeys without a browser: where they work, and what is refused. tests/browser/test_sign_in.py uses them."""

import json
from base64 import urlsafe_b64encode

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from config.accounts import passkeys
from tests.accounts.conftest import confirm

pytestmark = pytest.mark.django_db

SIGN_IN = "/accounts/passkeys/sign-in/"


@pytest.fixture(autouse=True)
def fresh_counts():
    cache.clear()


@pytest.mark.parametrize(
    ("public_url", "asked", "works"),
    [
        ("", "http://localhost:8000", True),
        ("", "http://127.0.0.1:8000", False),
        ("", "http://[::1]:8000", False),
        ("", "http://photos.example.org", False),
        ("", "https://photos.example.org", True),
        ("", "https://192.0.2.1", False),
        ("https://photos.example.org", "https://photos.example.org", True),
        ("https://Photos.example.org:443", "https://photos.example.org", True),
        ("https://photos.example.org", "https://www.photos.example.org", False),
        ("https://photos.example.org", "https://photos.example.org:8443", False),
        ("https://photos.example.org", "http://localhost:8000", False),
    ],
)
def test_passkeys_work_at_the_sites_own_https_address_and_on_localhost(rf, settings, public_url, asked, works):
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = public_url, ["*"]
    scheme, _, host = asked.partition("://")
    request = rf.get("/", headers={"host": host}, secure=scheme == "https")

    assert passkeys.are_available(request) is works


def signed(**more: object) -> str:
    client = {"type": "webauthn.get", "challenge": "AA", "origin": "http://testserver"} | more
    coded = urlsafe_b64encode(json.dumps(client).encode()).decode().rstrip("=")
    response = {"clientDataJSON": coded, "authenticatorData": "AA", "signature": "AA", "userHandle": "MQ"}
    return json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})


NO_ANSWERS = [
    *("", "null", "[]", "4", "{}", '{"response": 4}', '{"response": {"clientDataJSON": "%"}}', '{"response": []}'),
    *(signed(), signed(origin="http://evil.example"), signed(crossOrigin=True), signed(challenge=4)),
    signed().replace('"MQ"', "null"),
    signed().replace('"MQ"', '"' + "A" * 4000 + '"'),
]


@pytest.mark.parametrize("credential", NO_ANSWERS)
def test_what_no_passkey_signed_signs_nobody_in(owner, credential):
    client = Client()
    client.get(SIGN_IN)

    answer = client.post(SIGN_IN, {"credential": credential})

    assert (answer.status_code, answer.url) == (302, "/accounts/login/")
    assert client.get("/albums/").status_code == 302


@pytest.mark.parametrize("credential", NO_ANSWERS)
def test_what_no_passkey_signed_is_not_added(client, credential):
    confirm(client)
    client.get("/accounts/passkeys/add/")

    answer = client.post("/accounts/passkeys/add/", {"name": "Phone", "credential": credential})

    assert answer.status_code == 200
    assert not Authenticator.objects.exists()


def test_a_challenge_is_another_each_time(client):
    asked = [Client().get(SIGN_IN).json()["request_options"]["publicKey"] for _ in range(2)]

    assert asked[0]["challenge"] != asked[1]["challenge"]
    assert asked[0]["rpId"] == "testserver"
    assert asked[0]["userVerification"] == "required"


def test_asking_what_to_sign_again_and_again_is_refused(settings):
    settings.MFA_RATE_LIMITS = {"webauthn_login": "3/m/ip"}

    assert [Client().get(SIGN_IN).status_code for _ in range(5)] == [200, 200, 200, 429, 429]


@pytest.mark.parametrize("page", ["name", "remove"])
def test_a_passkey_of_somebody_else_does_not_exist(client, stranger, page):
    theirs = Authenticator.objects.create(user=stranger, type="webauthn", data={"name": "Key", "credential": {}})
    confirm(client)
    address = f"/accounts/passkeys/{theirs.pk}/{page}/"

    assert (client.get(address).status_code, client.post(address, {"name": "Mine"}).status_code) == (404, 404)
    assert Client().get(address).status_code == 302
    assert Authenticator.objects.get().data["name"] == "Key"
