"""Which user signs in through a provider: created, rejected, never taken over; and the rights that groups grant."""

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import Client

from config.accounts.oidc import users
from tests.accounts.oidc.conftest import ANNA, GROUPS, code_shown, come_back, go_to_provider, sign_in_through

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_a_new_user_is_created_and_can_sign_in_again(provider):
    client = Client()

    assert sign_in_through(provider, client=client).url == "/albums/"
    assert client.get("/albums/").status_code == 200
    assert sign_in_through(provider).url == "/albums/"

    user = User.objects.get(username="anna")
    assert (user.email, user.is_staff, user.has_usable_password()) == ("anna@example.org", False, False)
    assert EmailAddress.objects.get(user=user).verified
    assert SocialAccount.objects.get().provider == provider.issuer


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
