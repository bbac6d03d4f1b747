"""Passkeys without a browser: where they work, and rejected requests. tests/browser/test_sign_in.py uses passkeys."""

import json
from base64 import urlsafe_b64encode

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from config.accounts import passkeys
from tests.accounts.conftest import confirm

pytestmark = [pytest.mark.django_db, pytest.mark.once]

SIGN_IN = "/accounts/passkeys/sign-in/"


@pytest.fixture(autouse=True)
def fresh_counts():
    cache.clear()


@pytest.mark.parametrize(
    ("public_url", "site_url", "is_available"),
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
def test_passkeys_work_at_the_sites_own_https_address_and_on_localhost(
    rf, settings, public_url, site_url, is_available
):
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = public_url, ["*"]
    scheme, _, host = site_url.partition("://")
    request = rf.get("/", headers={"host": host}, secure=scheme == "https")

    assert passkeys.are_available(request) is is_available


def signed_credential(**changes: object) -> str:
    client_data = {"type": "webauthn.get", "challenge": "AA", "origin": "http://testserver"} | changes
    encoded = urlsafe_b64encode(json.dumps(client_data).encode()).decode().rstrip("=")
    response = {"clientDataJSON": encoded, "authenticatorData": "AA", "signature": "AA", "userHandle": "MQ"}
    return json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})


INVALID_CREDENTIALS = [
    *("", "null", "[]", "4", "{}", '{"response": 4}', '{"response": {"clientDataJSON": "%"}}', '{"response": []}'),
    *(
        signed_credential(),
        signed_credential(origin="http://evil.example"),
        signed_credential(crossOrigin=True),
        signed_credential(challenge=4),
    ),
    signed_credential().replace('"MQ"', "null"),
    signed_credential().replace('"MQ"', '"' + "A" * 4000 + '"'),
]


@pytest.mark.parametrize("credential", INVALID_CREDENTIALS)
def test_an_invalid_credential_does_not_sign_in(owner, credential):
    client = Client()
    client.get(SIGN_IN)

    response = client.post(SIGN_IN, {"credential": credential})

    assert (response.status_code, response.url) == (302, "/accounts/login/")
    assert client.get("/albums/").status_code == 302


@pytest.mark.parametrize("credential", INVALID_CREDENTIALS)
def test_an_invalid_credential_is_not_added(client, credential):
    confirm(client)
    client.get("/accounts/passkeys/add/")

    response = client.post("/accounts/passkeys/add/", {"name": "Phone", "credential": credential})

    assert response.status_code == 200
    assert not Authenticator.objects.exists()


def test_each_challenge_is_new(client):
    options = [Client().get(SIGN_IN).json()["request_options"]["publicKey"] for _ in range(2)]

    assert options[0]["challenge"] != options[1]["challenge"]
    assert options[0]["rpId"] == "testserver"
    assert options[0]["userVerification"] == "required"


def test_requests_for_a_challenge_are_rate_limited(settings):
    settings.MFA_RATE_LIMITS = {"webauthn_login": "3/m/ip"}

    assert [Client().get(SIGN_IN).status_code for _ in range(5)] == [200, 200, 200, 429, 429]


@pytest.mark.parametrize("page", ["name", "remove"])
def test_a_passkey_of_another_user_does_not_exist(client, stranger, page):
    passkey = Authenticator.objects.create(user=stranger, type="webauthn", data={"name": "Key", "credential": {}})
    confirm(client)
    address = f"/accounts/passkeys/{passkey.pk}/{page}/"

    assert (client.get(address).status_code, client.post(address, {"name": "Mine"}).status_code) == (404, 404)
    assert Client().get(address).status_code == 302
    assert Authenticator.objects.get().data["name"] == "Key"
