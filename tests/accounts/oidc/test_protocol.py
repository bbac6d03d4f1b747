"""Requests to the provider, and the checks of its responses."""

import html
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client

from tests.accounts.oidc.conftest import ANNA, BEGIN, CALLBACK, code_shown, come_back, go_to_provider, sign_in_through
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_the_authorization_request_has_pkce_state_nonce_and_our_callback(provider, settings):
    settings.PUBLIC_URL = "https://photos.example.org"
    go_to_provider(Client(), provider)

    query = provider.authorization_request
    assert (query["code_challenge_method"], query["response_type"], query["client_id"]) == ("S256", "code", CLIENT_ID)
    assert query["redirect_uri"] == "https://photos.example.org" + CALLBACK
    assert set(query["scope"].split()) == {"openid", "profile", "email"}
    assert len(query["nonce"]) >= 32
    assert len(query["state"]) >= 16


def test_parameters_of_the_request_do_not_reach_the_provider(provider):
    page = Client().post(BEGIN + "?scope=admin&auth_params=prompt%3Dnone&process=connect&next=https://evil.example/")

    query = html.unescape(page.content.decode())
    assert "admin" not in query.split("authorize?")[1].split('"')[0]
    assert "prompt" not in query.split("authorize?")[1].split('"')[0]


BAD_TOKENS = {
    "nonce of another sign-in": ({"nonce": "another"}, "oidc-untrusted"),
    "no nonce": ({"nonce": None}, "oidc-untrusted"),
    "other audience": ({"aud": "another client"}, "oidc-untrusted"),
    "issued to another client": ({"azp": "another client"}, "oidc-untrusted"),
    "other issuer": ({"iss": "https://evil.example"}, "oidc-untrusted"),
    "no subject": ({"sub": None}, "oidc-untrusted"),
    "other subject": ({"sub": "8"}, "oidc-untrusted"),
    "subject is no text": ({"sub": 7}, "oidc-untrusted"),
    "subject is too long": ({"sub": "7" * 192}, "oidc-untrusted"),
    "expired": ({"exp": 1}, "oidc-clock"),
    "issued in the future": ({"iat": time.time() + 3600}, "oidc-clock"),
    "not valid yet": ({"nbf": time.time() + 3600}, "oidc-clock"),
}


@pytest.mark.parametrize(("claims", "code"), BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_an_invalid_token_is_rejected(provider, claims, code):
    provider.token_claims = claims
    client = Client()

    response = sign_in_through(provider, client=client)

    assert (response.status_code, code_shown(response)) == (502, code)
    assert client.get("/albums/").status_code == 302
    assert not User.objects.filter(username="anna").exists()


@pytest.mark.parametrize("forgery", ["other key", "shared secret", "none"])
def test_a_token_with_a_forged_signature_is_rejected(provider, forgery):
    provider.signs_with, provider.algorithm = {
        "other key": (rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256"),
        "shared secret": (CLIENT_SECRET * 3, "HS256"),
        "none": (None, "none"),
    }[forgery]

    assert code_shown(sign_in_through(provider)) == "oidc-untrusted"


def test_a_small_clock_difference_is_tolerated(provider):
    provider.token_claims = {"iat": time.time() + 30, "exp": time.time() - 30}

    assert sign_in_through(provider).url == "/albums/"


def test_a_state_is_valid_once_and_in_its_own_browser(provider):
    provider.claims = ANNA
    client = Client()
    state = go_to_provider(client, provider)

    assert code_shown(come_back(Client(), state)) == "oidc-expired"
    assert come_back(client, state).url == "/albums/"
    assert code_shown(come_back(client, state)) == "oidc-expired"
    assert code_shown(come_back(Client(), "")) == "oidc-expired"


def test_access_denied_at_the_provider_shows_a_message(provider):
    client = Client()

    response = client.get(CALLBACK, {"error": "access_denied", "state": go_to_provider(client, provider)})

    assert (response.status_code, code_shown(response)) == (200, "oidc-cancelled")


def test_a_wrong_client_secret_is_reported_and_logged_with_its_reason(provider, settings, caplog):
    settings.OIDC_CLIENT_SECRET = "a wrong one"

    assert code_shown(sign_in_through(provider)) == "oidc-refused"
    assert "invalid_client" in caplog.text
    assert "a wrong one" not in caplog.text


def test_an_unreachable_provider_is_reported(provider, settings):
    settings.OIDC_ISSUER = f"http://127.0.0.1:{provider.port + 1 if provider.port < 65_000 else 9}"

    responses = [Client().post(BEGIN) for _ in range(2)]

    assert [(response.status_code, code_shown(response)) for response in responses] == [(502, "oidc-unreachable")] * 2


def test_a_provider_with_another_issuer_is_not_trusted(provider):
    provider.configuration = {"issuer": "https://evil.example"}

    assert code_shown(Client().post(BEGIN)) == "oidc-untrusted"


@pytest.mark.parametrize("endpoint", [None, "javascript:alert(1)", 4])
def test_a_provider_without_a_valid_authorization_endpoint_is_not_trusted(provider, endpoint):
    provider.configuration = {"authorization_endpoint": endpoint}

    assert code_shown(Client().post(BEGIN)) == "oidc-untrusted"


def test_the_configuration_of_the_provider_is_fetched_once(provider):
    sign_in_through(provider)
    sign_in_through(provider)

    assert provider.paths.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
def test_the_client_secret_is_sent_by_the_supported_method(provider, methods):
    provider.configuration = {"token_endpoint_auth_methods_supported": methods}

    assert sign_in_through(provider).url == "/albums/"
