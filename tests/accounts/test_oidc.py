"""Signing in through a provider: accepted and rejected users, and the checks of the provider's responses."""

import html
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from config.accounts import checks
from config.accounts.oidc import users
from tests.accounts.conftest import PASSWORD, confirm, sign_in
from tests.accounts.provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, served

pytestmark = [pytest.mark.django_db, pytest.mark.once]

BEGIN, CALLBACK, CONNECTION = (f"/accounts/openid-connect/{page}" for page in ("", "callback/", "connection/"))
ANNA = {"sub": "7", "preferred_username": "anna", "email": "anna@example.org", "email_verified": True}


@pytest.fixture
def provider(settings, admin) -> Iterator[FakeProvider]:
    """A running provider that may create users; the first user exists."""
    cache.clear()
    with served(FakeProvider()) as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Home"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.OIDC_CREATE_USERS = True
        yield provider


def go_to_provider(client: Client, provider: FakeProvider, **form_fields) -> str:
    """Sends the browser to the provider; returns the state for the callback."""
    page = client.post(BEGIN, form_fields)
    assert page.status_code == 200, page
    provider.authorize(url_to(page))
    return provider.authorization_request["state"]


def url_to(page) -> str:
    """Returns the provider's address from the link on the page."""
    return html.unescape(re.search(r'<a class="button button--primary" href="([^"]+)"', page.content.decode())[1])


def come_back(client: Client, state: str, **query):
    return client.get(CALLBACK, {"code": "a-code", "state": state} | query)


def sign_in_through(provider: FakeProvider, claims: dict[str, Any] | None = None, client: Client | None = None):
    """Signs in through the provider; returns the response to the callback."""
    provider.claims = claims or ANNA
    client = client or Client()
    return come_back(client, go_to_provider(client, provider))


def code_shown(response) -> str:
    return re.search(r"<code>(oidc-[a-z-]+)</code>", response.content.decode())[1]


def test_a_new_user_is_created_and_can_sign_in_again(provider):
    client = Client()

    assert sign_in_through(provider, client=client).url == "/albums/"
    assert client.get("/albums/").status_code == 200
    assert sign_in_through(provider).url == "/albums/"

    user = User.objects.get(username="anna")
    assert (user.email, user.is_staff, user.has_usable_password()) == ("anna@example.org", False, False)
    assert EmailAddress.objects.get(user=user).verified
    assert SocialAccount.objects.get().provider == provider.issuer


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


def test_next_redirects_only_within_this_site(provider):
    provider.claims = ANNA
    for next_url, redirect_url in {"/batches/": "/batches/", "https://evil.example/": "/albums/"}.items():
        client = Client()
        assert come_back(client, go_to_provider(client, provider, next=next_url)).url == redirect_url


def test_without_create_users_a_new_user_is_rejected(provider, settings):
    settings.OIDC_CREATE_USERS = False

    response = sign_in_through(provider)

    assert (response.status_code, code_shown(response)) == (403, "oidc-no-account")
    assert not User.objects.filter(username="anna").exists()


def test_no_user_is_created_before_the_first_user(provider):
    User.objects.all().delete()

    assert code_shown(sign_in_through(provider)) == "oidc-no-account"
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["owner", "OWNER", "\uff4f\uff57\uff4e\uff45\uff52"])
def test_a_user_name_that_exists_is_not_taken_over(provider, owner, name):
    response = sign_in_through(provider, ANNA | {"preferred_username": name})

    assert (response.status_code, code_shown(response)) == (409, "oidc-name-taken")
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("owner_field", ["user", "address"])
@pytest.mark.parametrize("is_verified", [True, False])
def test_a_known_email_address_takes_over_no_account(provider, owner, owner_field, is_verified):
    if owner_field == "user":
        owner.email = "anna@example.org"
        owner.save()
    else:
        EmailAddress.objects.create(user=owner, email="anna@example.org", verified=True, primary=True)

    response = sign_in_through(provider, ANNA | {"email_verified": is_verified})

    assert not SocialAccount.objects.filter(user=owner).exists()
    if is_verified:
        assert code_shown(response) == "oidc-name-taken"
    else:  # an unverified address may be another person's, so it is ignored
        assert User.objects.get(username="anna").email == ""


def test_an_unverified_email_address_is_not_saved(provider):
    sign_in_through(provider, ANNA | {"email_verified": False})

    assert User.objects.get(username="anna").email == ""
    assert not EmailAddress.objects.exists()


def test_the_same_subject_of_another_issuer_is_another_user(provider, settings):
    sign_in_through(provider)
    SocialAccount.objects.update(provider="https://elsewhere.example")

    assert code_shown(sign_in_through(provider)) == "oidc-name-taken"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "9"}, "9"),
        ({"sub": "9", "preferred_username": "Anna Maria/../x"}, "Anna-Maria-..-x"),
        ({"sub": "9", "preferred_username": "a" * 400}, "a" * 150),
        ({"sub": "9", "preferred_username": "<>"}, "user"),
        ({"sub": "9", "preferred_username": None, "email": "b@example.org"}, "b@example.org"),
    ],
)
def test_a_user_name_is_derived_from_the_claims(claims, name):
    assert users.name_of(claims) == name


GROUPS = {"OIDC_STAFF_GROUP": "editors", "OIDC_ADMIN_GROUP": "admins"}


@pytest.mark.parametrize(
    ("groups", "rights"),
    [
        (["admins"], (True, True)),
        (["editors"], (True, False)),
        (["editors", "admins"], (True, True)),
        ("editors", (True, False)),
        (["Admins", "admins2"], (False, False)),
        ({"admins": True}, (False, False)),
        (None, (False, False)),
    ],
)
def test_groups_grant_and_revoke_rights_at_each_sign_in(provider, settings, groups, rights):
    for name, value in GROUPS.items():
        setattr(settings, name, value)
    for former_groups in (["admins", "editors"], []):
        sign_in_through(provider, ANNA | {"groups": former_groups})
        sign_in_through(provider, ANNA | {"groups": groups})

        user = User.objects.get(username="anna")
        assert (user.is_staff, user.is_superuser) == rights


def test_groups_are_found_inside_another_claim(settings):
    settings.OIDC_GROUPS_CLAIM = "realm_access.roles"

    assert users.groups_of({"realm_access": {"roles": ["a"]}}) == {"a"}
    assert users.groups_of({"realm_access": ["roles"]}) == set()
    assert users.groups_of({"realm_access.roles": ["b", 3]}) == {"b"}


def test_without_settings_groups_change_no_rights(provider):
    sign_in_through(provider)
    User.objects.filter(username="anna").update(is_staff=True, is_superuser=True)

    sign_in_through(provider, ANNA | {"groups": []})

    user = User.objects.get(username="anna")
    assert (user.is_staff, user.is_superuser) == (True, True)


def test_a_local_user_connects_the_account_and_keeps_rights(provider, settings, owner):
    for name, value in GROUPS.items():
        setattr(settings, name, value)
    client = Client()
    sign_in(client)
    assert client.post(BEGIN).url.startswith("/accounts/reauthenticate/")
    confirm(client)

    response = sign_in_through(provider, ANNA | {"groups": ["admins"]}, client)

    assert response.url == CONNECTION
    assert "Connected" in client.get(CONNECTION).content.decode()
    later_client = Client()
    assert sign_in_through(provider, ANNA | {"groups": ["admins"]}, later_client).url == "/albums/"
    owner.refresh_from_db()
    assert (owner.is_staff, owner.is_superuser, owner.has_usable_password()) == (False, False, True)
    assert later_client.session["_auth_user_id"] == str(owner.pk)


def test_confirming_the_password_continues_to_the_provider(provider, owner):
    provider.claims = ANNA
    client = Client()
    sign_in(client)
    form = client.post(BEGIN).url

    page = client.post(form, {"password": PASSWORD, "next": BEGIN})
    provider.authorize(url_to(page))

    assert come_back(client, provider.authorization_request["state"]).url == CONNECTION
    assert SocialAccount.objects.get().user == owner


def test_an_account_connected_to_another_user_is_not_connected_again(provider, owner):
    sign_in_through(provider)
    client = Client()
    sign_in(client)
    confirm(client)

    sign_in_through(provider, client=client)

    assert SocialAccount.objects.get().user.username == "anna"
    assert "connected to another account" in client.get(CONNECTION).content.decode()


def test_an_account_is_disconnected_only_if_the_user_can_still_sign_in(provider, owner):
    client = Client()
    sign_in(client)
    confirm(client)
    sign_in_through(provider, client=client)
    pk = SocialAccount.objects.get().pk

    client.post(CONNECTION, {"account": pk})
    assert not SocialAccount.objects.exists()

    sign_in_through(provider, ANNA)
    provider_client = Client()
    sign_in_through(provider, ANNA, provider_client)
    response = provider_client.post(CONNECTION, {"account": SocialAccount.objects.get().pk})
    assert response.status_code == 422
    assert SocialAccount.objects.exists()


def test_a_user_cannot_disconnect_the_account_of_another(provider, owner):
    sign_in_through(provider)
    client = Client()
    sign_in(client)
    confirm(client)

    client.post(CONNECTION, {"account": SocialAccount.objects.get().pk})

    assert SocialAccount.objects.exists()


def test_an_inactive_user_cannot_sign_in(provider):
    sign_in_through(provider)
    User.objects.filter(username="anna").update(is_active=False)
    client = Client()

    assert sign_in_through(provider, client=client).url == "/accounts/inactive/"
    assert client.get("/albums/").status_code == 302


def test_a_user_of_the_provider_cannot_set_up_a_second_factor(provider):
    client = Client()
    sign_in_through(provider, client=client)

    assert "manages two-factor sign-in" in client.get("/accounts/two-factor/").content.decode()
    assert client.get("/accounts/two-factor/app/").status_code == 403


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


def test_providers_in_the_database_are_ignored(provider, settings):
    from allauth.socialaccount.models import SocialApp

    SocialApp.objects.create(
        provider="openid_connect", provider_id="evil", client_id="x", settings={"server_url": "http://evil"}
    )
    settings.OIDC_ISSUER = ""

    assert Client().post(BEGIN).status_code == 404


@pytest.mark.parametrize("address", [BEGIN, CALLBACK])
def test_without_a_provider_its_pages_do_not_exist(address, owner):
    assert Client().get(address).status_code in (404, 405)
    assert Client().post(address).status_code in (404, 405)
    client = Client()
    sign_in(client)
    assert client.get(CONNECTION).status_code == 404
    assert "Sign in with" not in Client().get("/accounts/login/").content.decode()


def test_signing_in_through_the_provider_needs_a_form_with_a_csrf_token(provider):
    assert Client().get(BEGIN).status_code == 405
    assert Client(enforce_csrf_checks=True).post(BEGIN).status_code == 403
    assert "Sign in with Home" in Client().get("/accounts/login/").content.decode()


def test_with_oidc_only_passwords_and_passkeys_are_turned_off(provider, settings, owner):
    settings.OIDC_ONLY = True
    page = Client().get("/accounts/login/").content.decode()

    response = sign_in(Client())

    assert 'name="password"' not in page
    assert (response.status_code, "Passwords are turned off" in response.content.decode()) == (200, True)
    assert Client().get("/accounts/passkeys/sign-in/").status_code == 404
    assert sign_in_through(provider).url == "/albums/"


def test_a_local_users_second_factor_is_required_after_the_provider_too(provider, owner):
    from allauth.mfa.totp.internal.auth import TOTP

    client = Client()
    sign_in(client)
    confirm(client)
    sign_in_through(provider, client=client)
    TOTP.activate(owner, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

    assert sign_in_through(provider).url == "/accounts/two-factor/code/"


def test_checks_report_invalid_settings(settings):
    def errors_with(**values):
        for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ONLY", "CREATE_USERS"):
            setattr(settings, f"OIDC_{name}", values.get(name, ""))
        return checks.provider(None)

    client = {"CLIENT_ID": "a", "CLIENT_SECRET": "b"}
    assert errors_with() == []
    assert errors_with(ISSUER="https://auth.example", **client) == []
    assert errors_with(ISSUER="http://127.0.0.1:9", **client) == []
    assert errors_with(ISSUER="http://auth.example", **client) == [checks.NOT_SAFE]
    assert errors_with(ISSUER="https://auth.example") == [checks.NO_CLIENT]
    assert errors_with(ONLY=True) == [checks.ONLY_WITHOUT_PROVIDER]
    assert errors_with(ISSUER="https://auth.example", ONLY=True, **client) == [checks.NO_NEW_USERS]
