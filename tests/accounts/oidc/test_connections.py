"""A local user connects an account of the provider, and disconnects it."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from tests.accounts.conftest import PASSWORD, confirm, sign_in
from tests.accounts.oidc.conftest import ANNA, BEGIN, CONNECTION, GROUPS, come_back, sign_in_through, url_to

pytestmark = [pytest.mark.django_db, pytest.mark.once]


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
