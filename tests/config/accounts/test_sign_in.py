"""The sign-in page: where it redirects to, and what it does not reveal."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

LOGIN_PAGE = "/accounts/login/"
FORM = {"username": "owner", "password": "a fine password"}


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/batches/?page=2", "/batches/?page=2"),
        ("http://testserver/jobs/", "http://testserver/jobs/"),
        ("https://evil.example/", "/albums/"),
        ("//evil.example/", "/albums/"),
        ("///evil.example/", "/albums/"),
        ("\\\\evil.example/", "/albums/"),
        ("http:evil.example", "/albums/"),
        ("javascript:alert(1)", "/albums/"),
        ("https://other.example/", "/albums/"),
        ("", "/albums/"),
    ],
)
def test_signing_in_redirects_only_within_the_site(owner, settings, target, leads_to):
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://other.example"]

    for client in (Client(), Client()):
        assert client.post(LOGIN_PAGE, FORM | {"next": target}).url == leads_to
    assert client.get(LOGIN_PAGE, {"next": target}).url == leads_to  # while signed in
    assert client.post("/accounts/logout/", {"next": target}).url == (leads_to if leads_to == target else LOGIN_PAGE)


@pytest.fixture
def hashed_passwords(monkeypatch) -> list[str]:
    """The passwords that were hashed. With the hasher used outside of tests, each takes a third of a second."""
    passwords: list[str] = []

    def encode(hasher, password, salt):
        passwords.append(password)
        return original_encode(hasher, password, salt)

    original_encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    return passwords


@pytest.mark.parametrize("name", ["owner", "nobody", "inactive", "elsewhere", "OWNER"])
def test_for_any_name_one_password_is_hashed_and_the_response_is_the_same(owner, hashed_passwords, name):
    User.objects.create_user("inactive", password="a fine password", is_active=False)
    User.objects.create_user("elsewhere")  # without a password, as users of OpenID Connect are
    hashed_passwords.clear()

    response = Client().post(LOGIN_PAGE, {"username": name, "password": "a poor guess"})

    assert len(hashed_passwords) == 1
    assert response.status_code == 200
    assert response.context["form"].non_field_errors() == ["Wrong username or password."]


def test_a_deactivated_account_is_reported_only_with_the_right_password(owner):
    User.objects.update(is_active=False)

    response = Client().post(LOGIN_PAGE, FORM, follow=True)

    assert response.redirect_chain == [("/accounts/inactive/", 302)]
    assert "This account is deactivated" in response.content.decode()


def test_the_response_is_html_although_json_is_requested(owner):
    response = Client().post(
        LOGIN_PAGE, FORM | {"password": "a poor guess"}, headers={"X-Requested-With": "XMLHttpRequest"}
    )

    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_a_form_without_csrf_token_is_rejected(owner):
    response = Client(enforce_csrf_checks=True).post(LOGIN_PAGE, FORM)

    assert response.status_code == 403


def test_a_user_without_staff_rights_gets_403_from_the_admin(owner):
    client = Client()
    client.force_login(owner)

    response = client.get("/admin/", follow=True)

    assert (response.redirect_chain, response.status_code) == ([("/admin/login/?next=/admin/", 302)], 403)


def test_the_admins_password_change_redirects_to_the_accounts_page(admin):
    client = Client()
    client.force_login(admin)

    assert client.get("/admin/password_change/").url == "/accounts/password/change/"
