"""The sign-in page: where it leads, and what it does not tell."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

DOOR = "/accounts/login/"
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
def test_signing_in_leads_nowhere_else(owner, settings, target, leads_to):
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://other.example"]

    for client in (Client(), Client()):
        assert client.post(DOOR, FORM | {"next": target}).url == leads_to
    assert client.get(DOOR, {"next": target}).url == leads_to  # somebody who is signed in already
    assert client.post("/accounts/logout/", {"next": target}).url == (leads_to if leads_to == target else DOOR)


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The passwords that were hashed, each of which takes a third of a second outside of tests."""
    found: list[str] = []

    def encode(hasher, password, salt):
        found.append(password)
        return encode_as_before(hasher, password, salt)

    encode_as_before = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    return found


@pytest.mark.parametrize("name", ["owner", "nobody", "inactive", "elsewhere", "OWNER"])
def test_whoever_is_tried_one_password_is_hashed_and_the_answer_is_the_same(owner, hashed, name):
    User.objects.create_user("inactive", password="a fine password", is_active=False)
    User.objects.create_user("elsewhere")  # without a password, as somebody who comes by OpenID Connect
    hashed.clear()

    answer = Client().post(DOOR, {"username": name, "password": "a poor guess"})

    assert len(hashed) == 1
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors() == ["Wrong username or password."]


def test_an_account_that_is_switched_off_is_told_so_to_whoever_knows_its_password(owner):
    User.objects.update(is_active=False)

    answer = Client().post(DOOR, FORM, follow=True)

    assert answer.redirect_chain == [("/accounts/inactive/", 302)]
    assert "This account is deactivated" in answer.content.decode()


def test_no_answer_is_json_whatever_is_asked_for(owner):
    answer = Client().post(DOOR, FORM | {"password": "a poor guess"}, headers={"X-Requested-With": "XMLHttpRequest"})

    assert answer["Content-Type"] == "text/html; charset=utf-8"


def test_a_form_from_elsewhere_signs_nobody_in(owner):
    answer = Client(enforce_csrf_checks=True).post(DOOR, FORM)

    assert answer.status_code == 403


def test_who_is_no_staff_is_not_let_into_the_admin_and_not_sent_in_circles(owner):
    client = Client()
    client.force_login(owner)

    answer = client.get("/admin/", follow=True)

    assert (answer.redirect_chain, answer.status_code) == ([("/admin/login/?next=/admin/", 302)], 403)


def test_the_admins_own_change_of_password_is_the_accounts(admin):
    client = Client()
    client.force_login(admin)

    assert client.get("/admin/password_change/").url == "/accounts/password/change/"
