"""Signing in through a provider: whom it lets in, whom it never does, and what is checked of what it says."""

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

pytestmark = pytest.mark.django_db

BEGIN, CALLBACK, CONNECTION = (f"/accounts/openid-connect/{page}" for page in ("", "callback/", "connection/"))
ANNA = {"sub": "7", "preferred_username": "anna", "email": "anna@example.org", "email_verified": True}


@pytest.fixture
def provider(settings, admin) -> Iterator[FakeProvider]:
    """Running, and trusted with new users. There is a first user."""
    cache.clear()
    with served(FakeProvider()) as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Home"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.OIDC_CREATE_USERS = True
        yield provider


def leave(client: Client, provider: FakeProvider, **more) -> str:
    """To the provider; returns the state to come back with."""
    page = client.post(BEGIN, more)
    assert page.status_code == 200, page
    provider.leave(url_to(page))
    return provider.asked["state"]


def url_to(page) -> str:
    """The provider's, which the page leads to."""
    return html.unescape(re.search(r'<a class="button button--primary" href="([^"]+)"', page.content.decode())[1])


def come_back(client: Client, state: str, **more):
    return client.get(CALLBACK, {"code": "a-code", "state": state} | more)


def through(provider: FakeProvider, claims: dict[str, Any] | None = None, client: Client | None = None):
    """All the way; returns the answer to coming back."""
    provider.claims = claims or ANNA
    client = client or Client()
    return come_back(client, leave(client, provider))


def code_shown(answer) -> str:
    return re.search(r"<code>(oidc-[a-z-]+)</code>", answer.content.decode())[1]


def test_a_new_user_is_created_and_comes_back(provider):
    client = Client()

    assert through(provider, client=client).url == "/albums/"
    assert client.get("/albums/").status_code == 200
    assert through(provider).url == "/albums/"

    user = User.objects.get(username="anna")
    assert (user.email, user.is_staff, user.has_usable_password()) == ("anna@example.org", False, False)
    assert EmailAddress.objects.get(user=user).verified
    assert SocialAccount.objects.get().provider == provider.issuer


def test_what_is_asked_has_pkce_state_and_nonce_and_comes_back_here(provider, settings):
    settings.PUBLIC_URL = "https://photos.example.org"
    leave(Client(), provider)

    asked = provider.asked
    assert (asked["code_challenge_method"], asked["response_type"], asked["client_id"]) == ("S256", "code", CLIENT_ID)
    assert asked["redirect_uri"] == "https://photos.example.org" + CALLBACK
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert len(asked["nonce"]) >= 32
    assert len(asked["state"]) >= 16


def test_nothing_that_is_asked_comes_from_the_request(provider):
    page = Client().post(BEGIN + "?scope=admin&auth_params=prompt%3Dnone&process=connect&next=https://evil.example/")

    query = html.unescape(page.content.decode())
    assert "admin" not in query.split("authorize?")[1].split('"')[0]
    assert "prompt" not in query.split("authorize?")[1].split('"')[0]


def test_next_leads_only_into_this_site(provider):
    provider.claims = ANNA
    for wanted, reached in {"/batches/": "/batches/", "https://evil.example/": "/albums/"}.items():
        client = Client()
        assert come_back(client, leave(client, provider, next=wanted)).url == reached


def test_without_create_users_nobody_new_comes_in(provider, settings):
    settings.OIDC_CREATE_USERS = False

    answer = through(provider)

    assert (answer.status_code, code_shown(answer)) == (403, "oidc-no-account")
    assert not User.objects.filter(username="anna").exists()


def test_nobody_comes_in_before_the_first_user(provider):
    User.objects.all().delete()

    assert code_shown(through(provider)) == "oidc-no-account"
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["owner", "OWNER", "\uff4f\uff57\uff4e\uff45\uff52"])
def test_a_name_that_is_taken_here_is_not_taken_over(provider, owner, name):
    answer = through(provider, ANNA | {"preferred_username": name})

    assert (answer.status_code, code_shown(answer)) == (409, "oidc-name-taken")
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("place", ["user", "address"])
@pytest.mark.parametrize("is_verified", [True, False])
def test_an_address_that_is_known_here_takes_over_nothing(provider, owner, place, is_verified):
    if place == "user":
        owner.email = "anna@example.org"
        owner.save()
    else:
        EmailAddress.objects.create(user=owner, email="anna@example.org", verified=True, primary=True)

    answer = through(provider, ANNA | {"email_verified": is_verified})

    assert not SocialAccount.objects.filter(user=owner).exists()
    if is_verified:
        assert code_shown(answer) == "oidc-name-taken"
    else:  # that address may be anybody's: it is not even looked at
        assert User.objects.get(username="anna").email == ""


def test_an_address_that_is_not_verified_is_not_kept(provider):
    through(provider, ANNA | {"email_verified": False})

    assert User.objects.get(username="anna").email == ""
    assert not EmailAddress.objects.exists()


def test_the_same_subject_of_another_issuer_is_somebody_else(provider, settings):
    through(provider)
    SocialAccount.objects.update(provider="https://elsewhere.example")

    assert code_shown(through(provider)) == "oidc-name-taken"


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
def test_a_name_is_made_of_what_the_provider_says(claims, name):
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
def test_rights_follow_the_groups_both_ways_at_each_sign_in(provider, settings, groups, rights):
    for name, value in GROUPS.items():
        setattr(settings, name, value)
    for before in (["admins", "editors"], []):
        through(provider, ANNA | {"groups": before})
        through(provider, ANNA | {"groups": groups})

        user = User.objects.get(username="anna")
        assert (user.is_staff, user.is_superuser) == rights


def test_groups_are_found_inside_another_claim(settings):
    settings.OIDC_GROUPS_CLAIM = "realm_access.roles"

    assert users.groups_of({"realm_access": {"roles": ["a"]}}) == {"a"}
    assert users.groups_of({"realm_access": ["roles"]}) == set()
    assert users.groups_of({"realm_access.roles": ["b", 3]}) == {"b"}


def test_without_settings_groups_change_no_rights(provider):
    through(provider)
    User.objects.filter(username="anna").update(is_staff=True, is_superuser=True)

    through(provider, ANNA | {"groups": []})

    user = User.objects.get(username="anna")
    assert (user.is_staff, user.is_superuser) == (True, True)


def test_a_local_user_connects_the_account_and_keeps_rights(provider, settings, owner):
    for name, value in GROUPS.items():
        setattr(settings, name, value)
    client = Client()
    sign_in(client)
    assert client.post(BEGIN).url.startswith("/accounts/reauthenticate/")
    confirm(client)

    answer = through(provider, ANNA | {"groups": ["admins"]}, client)

    assert answer.url == CONNECTION
    assert "Connected" in client.get(CONNECTION).content.decode()
    later = Client()
    assert through(provider, ANNA | {"groups": ["admins"]}, later).url == "/albums/"
    owner.refresh_from_db()
    assert (owner.is_staff, owner.is_superuser, owner.has_usable_password()) == (False, False, True)
    assert later.session["_auth_user_id"] == str(owner.pk)


def test_confirming_the_password_goes_straight_on_to_the_provider(provider, owner):
    provider.claims = ANNA
    client = Client()
    sign_in(client)
    form = client.post(BEGIN).url

    page = client.post(form, {"password": PASSWORD, "next": BEGIN})
    provider.leave(url_to(page))

    assert come_back(client, provider.asked["state"]).url == CONNECTION
    assert SocialAccount.objects.get().user == owner


def test_an_account_of_somebody_else_is_not_connected_again(provider, owner):
    through(provider)
    client = Client()
    sign_in(client)
    confirm(client)

    through(provider, client=client)

    assert SocialAccount.objects.get().user.username == "anna"
    assert "connected to another account" in client.get(CONNECTION).content.decode()


def test_disconnecting_asks_who_it_is_and_leaves_a_way_in(provider, owner):
    client = Client()
    sign_in(client)
    confirm(client)
    through(provider, client=client)
    pk = SocialAccount.objects.get().pk

    client.post(CONNECTION, {"account": pk})
    assert not SocialAccount.objects.exists()

    through(provider, ANNA)
    theirs = Client()
    through(provider, ANNA, theirs)
    answer = theirs.post(CONNECTION, {"account": SocialAccount.objects.get().pk})
    assert answer.status_code == 422
    assert SocialAccount.objects.exists()


def test_one_person_disconnects_nothing_of_another(provider, owner):
    through(provider)
    client = Client()
    sign_in(client)
    confirm(client)

    client.post(CONNECTION, {"account": SocialAccount.objects.get().pk})

    assert SocialAccount.objects.exists()


def test_who_is_switched_off_here_stays_out(provider):
    through(provider)
    User.objects.filter(username="anna").update(is_active=False)
    client = Client()

    assert through(provider, client=client).url == "/accounts/inactive/"
    assert client.get("/albums/").status_code == 302


def test_a_user_of_the_provider_sets_up_no_second_factor(provider):
    client = Client()
    through(provider, client=client)

    assert "manages two-factor sign-in" in client.get("/accounts/two-factor/").content.decode()
    assert client.get("/accounts/two-factor/app/").status_code == 403


BAD_TOKENS = {
    "nonce of another sign-in": ({"nonce": "another"}, "oidc-untrusted"),
    "no nonce": ({"nonce": None}, "oidc-untrusted"),
    "other audience": ({"aud": "another client"}, "oidc-untrusted"),
    "made for another": ({"azp": "another client"}, "oidc-untrusted"),
    "other issuer": ({"iss": "https://evil.example"}, "oidc-untrusted"),
    "no subject": ({"sub": None}, "oidc-untrusted"),
    "of another subject": ({"sub": "8"}, "oidc-untrusted"),
    "no text": ({"sub": 7}, "oidc-untrusted"),
    "too long": ({"sub": "7" * 192}, "oidc-untrusted"),
    "long over": ({"exp": 1}, "oidc-clock"),
    "from the future": ({"iat": time.time() + 3600}, "oidc-clock"),
    "not yet": ({"nbf": time.time() + 3600}, "oidc-clock"),
}


@pytest.mark.parametrize(("claims", "code"), BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_token_that_is_not_valid_signs_nobody_in(provider, claims, code):
    provider.token_claims = claims
    client = Client()

    answer = through(provider, client=client)

    assert (answer.status_code, code_shown(answer)) == (502, code)
    assert client.get("/albums/").status_code == 302
    assert not User.objects.filter(username="anna").exists()


@pytest.mark.parametrize("forgery", ["other key", "shared secret", "none"])
def test_a_token_that_another_has_signed_signs_nobody_in(provider, forgery):
    provider.signs_with, provider.algorithm = {
        "other key": (rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256"),
        "shared secret": (CLIENT_SECRET * 3, "HS256"),
        "none": (None, "none"),
    }[forgery]

    assert code_shown(through(provider)) == "oidc-untrusted"


def test_a_small_difference_of_the_clocks_is_forgiven(provider):
    provider.token_claims = {"iat": time.time() + 30, "exp": time.time() - 30}

    assert through(provider).url == "/albums/"


def test_a_state_is_used_once_and_in_its_own_browser(provider):
    provider.claims = ANNA
    client = Client()
    state = leave(client, provider)

    assert code_shown(come_back(Client(), state)) == "oidc-expired"
    assert come_back(client, state).url == "/albums/"
    assert code_shown(come_back(client, state)) == "oidc-expired"
    assert code_shown(come_back(Client(), "")) == "oidc-expired"


def test_who_denies_there_is_told_that_nothing_has_changed(provider):
    client = Client()

    answer = client.get(CALLBACK, {"error": "access_denied", "state": leave(client, provider)})

    assert (answer.status_code, code_shown(answer)) == (200, "oidc-cancelled")


def test_a_wrong_secret_is_told_with_the_reason_in_the_log(provider, settings, caplog):
    settings.OIDC_CLIENT_SECRET = "a wrong one"

    assert code_shown(through(provider)) == "oidc-refused"
    assert "invalid_client" in caplog.text
    assert "a wrong one" not in caplog.text


def test_a_provider_that_is_down_is_told_and_not_waited_for_again(provider, settings):
    settings.OIDC_ISSUER = f"http://127.0.0.1:{provider.port + 1 if provider.port < 65_000 else 9}"

    answers = [Client().post(BEGIN) for _ in range(2)]

    assert [(answer.status_code, code_shown(answer)) for answer in answers] == [(502, "oidc-unreachable")] * 2


def test_a_provider_that_calls_itself_otherwise_is_not_trusted(provider):
    provider.configuration = {"issuer": "https://evil.example"}

    assert code_shown(Client().post(BEGIN)) == "oidc-untrusted"


@pytest.mark.parametrize("endpoint", [None, "javascript:alert(1)", 4])
def test_a_provider_that_sends_browsers_nowhere_is_not_trusted(provider, endpoint):
    provider.configuration = {"authorization_endpoint": endpoint}

    assert code_shown(Client().post(BEGIN)) == "oidc-untrusted"


def test_the_providers_configuration_is_asked_for_once(provider):
    through(provider)
    through(provider)

    assert provider.paths.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
def test_the_secret_goes_where_the_provider_wants_it(provider, methods):
    provider.configuration = {"token_endpoint_auth_methods_supported": methods}

    assert through(provider).url == "/albums/"


def test_rows_in_the_database_name_no_provider(provider, settings):
    from allauth.socialaccount.models import SocialApp

    SocialApp.objects.create(
        provider="openid_connect", provider_id="evil", client_id="x", settings={"server_url": "http://evil"}
    )
    settings.OIDC_ISSUER = ""

    assert Client().post(BEGIN).status_code == 404


@pytest.mark.parametrize("address", [BEGIN, CALLBACK])
def test_without_a_provider_there_are_no_such_pages(address, owner):
    assert Client().get(address).status_code in (404, 405)
    assert Client().post(address).status_code in (404, 405)
    client = Client()
    sign_in(client)
    assert client.get(CONNECTION).status_code == 404
    assert "Sign in with" not in Client().get("/accounts/login/").content.decode()


def test_signing_in_begins_with_a_form_of_this_site(provider):
    assert Client().get(BEGIN).status_code == 405
    assert Client(enforce_csrf_checks=True).post(BEGIN).status_code == 403
    assert "Sign in with Home" in Client().get("/accounts/login/").content.decode()


def test_only_the_provider_signs_in(provider, settings, owner):
    settings.OIDC_ONLY = True
    page = Client().get("/accounts/login/").content.decode()

    answer = sign_in(Client())

    assert 'name="password"' not in page
    assert (answer.status_code, "Passwords are turned off" in answer.content.decode()) == (200, True)
    assert Client().get("/accounts/passkeys/sign-in/").status_code == 404
    assert through(provider).url == "/albums/"


def test_a_second_factor_of_a_local_user_is_asked_after_the_provider_too(provider, owner):
    from allauth.mfa.totp.internal.auth import TOTP

    client = Client()
    sign_in(client)
    confirm(client)
    through(provider, client=client)
    TOTP.activate(owner, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

    assert through(provider).url == "/accounts/two-factor/code/"


def test_checks_say_what_is_wrong_with_the_settings(settings):
    def found(**values):
        for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ONLY", "CREATE_USERS"):
            setattr(settings, f"OIDC_{name}", values.get(name, ""))
        return checks.provider(None)

    client = {"CLIENT_ID": "a", "CLIENT_SECRET": "b"}
    assert found() == []
    assert found(ISSUER="https://auth.example", **client) == []
    assert found(ISSUER="http://127.0.0.1:9", **client) == []
    assert found(ISSUER="http://auth.example", **client) == [checks.NOT_SAFE]
    assert found(ISSUER="https://auth.example") == [checks.NO_CLIENT]
    assert found(ONLY=True) == [checks.ONLY_WITHOUT_PROVIDER]
    assert found(ISSUER="https://auth.example", ONLY=True, **client) == [checks.NO_NEW_USERS]
