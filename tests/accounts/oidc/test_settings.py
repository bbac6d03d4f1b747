"""What the settings of the provider turn on and off."""

import pytest
from django.test import Client

from config.accounts import checks
from tests.accounts.conftest import confirm, sign_in
from tests.accounts.oidc.conftest import BEGIN, CALLBACK, CONNECTION, sign_in_through

pytestmark = [pytest.mark.django_db, pytest.mark.once]


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
