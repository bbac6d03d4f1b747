"""Forgotten passwords: a link by e-mail, or without a mail server the administrator's command."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core import mail as outbox
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from config import mail as mail_settings
from config.accounts import mail
from config.accounts.login import password_reset

pytestmark = pytest.mark.django_db

PAGE = "/accounts/password/reset/"
NEW_PASSWORD = {"password1": "quite another one", "password2": "quite another one"}


@pytest.fixture
def mail_server(settings, monkeypatch) -> None:
    """E-mail is sent by the thread of the test, which sees rows that are not committed."""
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://mail.example.org", "https://photos.example.org"
    monkeypatch.setattr(mail, "submit", lambda send: send())


@pytest.fixture
def anna(db) -> User:
    user = User.objects.create_user("anna", "anna@example.org", "a fine password")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def link() -> str:
    """The path of the link in the only mail."""
    [message] = outbox.outbox
    [address] = re.findall(
        r"https://photos\.example\.org(/\S+)", str(message.body).split("\nhttps://photos.example.org\n")[0]
    )
    return address


def test_without_a_mail_server_the_page_names_the_administrators_command(anna):
    for response in (Client().get(PAGE), Client().post(PAGE, {"email": "anna@example.org"})):
        assert response.status_code == 200
        assert "manage.py changepassword NAME" in response.content.decode()
    assert outbox.outbox == []


def test_the_link_leads_to_the_form_for_a_new_password(anna, mail_server):
    client = Client()
    assert client.post(PAGE, {"email": "Anna@example.org"}).url == "/accounts/password/reset/done/"
    assert "anna" in str(outbox.outbox[0].body)
    form = client.get(link(), follow=True)
    assert "token" not in form.redirect_chain[-1][0]
    assert "set-password" in form.redirect_chain[-1][0]

    response = client.post(form.redirect_chain[-1][0], NEW_PASSWORD)

    assert response.url == "/accounts/password/reset/key/done/"
    assert (
        Client().post("/accounts/login/", {"username": "anna", "password": NEW_PASSWORD["password1"]}).status_code
        == 302
    )


def test_the_link_works_once(anna, mail_server):
    client = Client()
    client.post(PAGE, {"email": "anna@example.org"})
    address = link()
    client.post(client.get(address, follow=True).redirect_chain[-1][0], NEW_PASSWORD)

    assert "This link does not work" in Client().get(address, follow=True).content.decode()


def test_a_new_password_ends_all_sessions(anna, mail_server):
    other_client = Client()
    other_client.force_login(anna)
    client = Client()
    client.post(PAGE, {"email": "anna@example.org"})

    client.post(client.get(link(), follow=True).redirect_chain[-1][0], NEW_PASSWORD)

    assert other_client.get("/albums/").status_code == 302


def test_links_use_the_public_url_and_not_the_requests_host(anna, mail_server, settings):
    settings.ALLOWED_HOSTS = ["*"]

    Client(headers={"Host": "evil.example"}).post(PAGE, {"email": "anna@example.org"})

    assert link().startswith("/accounts/password/reset/key/")
    assert "evil.example" not in str(outbox.outbox[0].message())


def test_the_response_does_not_reveal_whether_an_address_has_an_account(
    anna, mail_server, django_assert_num_queries, monkeypatch
):
    submitted = []
    monkeypatch.setattr(mail, "submit", submitted.append)
    Client().post(PAGE, {"email": "first@example.org"})  # for what happens only at the first request
    cache.clear()
    for address in ("anna@example.org", "nobody@example.org"):
        with django_assert_num_queries(8):  # all for the two rate limits; no user is looked up
            response = Client().post(PAGE, {"email": address})
        assert (response.status_code, response.url) == (302, "/accounts/password/reset/done/")
    assert len(submitted) == 3


def test_no_e_mail_is_sent_to_an_address_without_an_account(anna, mail_server):
    Client().post(PAGE, {"email": "nobody@example.org"})

    assert outbox.outbox == []


def test_an_unconfirmed_address_gets_no_link(anna, mail_server):
    EmailAddress.objects.update(verified=False)

    Client().post(PAGE, {"email": "anna@example.org"})

    assert outbox.outbox == []


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [({}, True), ({"is_active": False}, False), ({"password": "!"}, False)],
)
def test_an_address_entered_by_an_administrator_gets_a_link(mail_server, changes, is_found):
    user = User.objects.create_user("ben", "ben@example.org", "a fine password")
    User.objects.filter(pk=user.pk).update(**changes)

    assert password_reset.users_of("BEN@example.org") == [user] * is_found


def test_repeated_requests_are_rate_limited(anna, mail_server):
    responses = [Client().post(PAGE, {"email": "anna@example.org"}) for _ in range(6)]

    assert [response.status_code for response in responses] == [302] * 5 + [429]
    assert responses[-1]["Retry-After"] == "60"
    assert "Too many attempts" in responses[-1].content.decode()


def test_a_password_reset_ends_the_wait_after_wrong_passwords(anna, mail_server, settings):
    settings.LOGIN_ATTEMPTS = 1
    form = {"username": "anna", "password": "a poor guess"}
    assert [Client().post("/accounts/login/", form).status_code for _ in range(2)] == [200, 429]
    client = Client()
    client.post(PAGE, {"email": "anna@example.org"})
    client.post(client.get(link(), follow=True).redirect_chain[-1][0], NEW_PASSWORD)

    assert Client().post("/accounts/login/", form | {"password": NEW_PASSWORD["password1"]}).status_code == 302


def test_an_address_is_confirmed_by_the_link_that_is_sent_to_it(owner, mail_server):
    client = Client()
    client.post("/accounts/login/", {"username": "owner", "password": "a fine password"})
    first = client.post("/accounts/email/", {"email": "owner@example.org", "action_add": ""})
    assert first.url.startswith("/accounts/reauthenticate/")
    client.post(first.url, {"password": "a fine password"}, follow=True)
    client.post("/accounts/email/", {"email": "owner@example.org", "action_add": ""})
    address = link()
    assert "owner@example.org" in client.get(address).content.decode()
    assert not EmailAddress.objects.get().verified  # a mail program that follows links confirms nothing

    assert client.post(address).url == "/accounts/email/"

    assert EmailAddress.objects.get().verified


def test_without_a_mail_server_no_address_is_added(owner):
    client = Client()
    client.force_login(owner)

    client.post("/accounts/email/", {"email": "owner@example.org", "action_add": ""})

    assert EmailAddress.objects.count() == 0
    assert "This server can\u2019t send e-mail" in client.get("/accounts/email/").content.decode()


def test_a_mail_that_cannot_be_sent_is_logged(caplog):
    def fail() -> None:
        raise OSError("no route")

    mail.submit(fail)
    mail.wait_until_sent()

    assert "E-mail could not be sent" in caplog.text


def test_the_number_of_e_mails_that_wait_to_be_sent_is_limited(caplog, monkeypatch):
    monkeypatch.setattr(mail, "_room", mail.BoundedSemaphore(1))
    mail._room.acquire()

    mail.submit(lambda: None)

    assert "E-mail dropped" in caplog.text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ("", 0, False, False)),
        ("smtp://mail.example.org", ("mail.example.org", 587, True, False)),
        ("smtps://mail.example.org", ("mail.example.org", 465, False, True)),
        ("smtp+plain://localhost:2525", ("localhost", 2525, False, False)),
    ],
)
def test_the_mail_servers_address_is_parsed(url, expected):
    server = mail_settings.server(url)

    assert (server.host, server.port, server.starttls, server.tls) == expected


def test_a_password_in_the_mail_servers_address_is_decoded():
    server = mail_settings.server("smtp://an%40na:p%3Aw@mail.example.org")

    assert (server.user, server.password) == ("an@na", "p:w")


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_an_invalid_address_of_the_mail_server_stops_the_start(url):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL must have the form"):
        mail_settings.server(url)
