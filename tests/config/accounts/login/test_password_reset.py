"""A forgotten password: by mail where there is a mail server, and by whoever runs the server where there is none."""

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
NEW = {"password1": "quite another one", "password2": "quite another one"}


@pytest.fixture
def can_mail(settings, monkeypatch) -> None:
    """The thread that sends is this one: it sees what a test has not committed."""
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://mail.example.org", "https://photos.example.org"
    monkeypatch.setattr(mail, "submit", lambda act: act())


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


def test_without_a_mail_server_the_page_says_whom_to_ask(anna):
    for answer in (Client().get(PAGE), Client().post(PAGE, {"email": "anna@example.org"})):
        assert answer.status_code == 200
        assert "manage.py changepassword NAME" in answer.content.decode()
    assert outbox.outbox == []


def test_the_link_leads_to_a_new_password(anna, can_mail):
    client = Client()
    assert client.post(PAGE, {"email": "Anna@example.org"}).url == "/accounts/password/reset/done/"
    assert "anna" in str(outbox.outbox[0].body)
    form = client.get(link(), follow=True)
    assert "token" not in form.redirect_chain[-1][0]
    assert "set-password" in form.redirect_chain[-1][0]

    answer = client.post(form.redirect_chain[-1][0], NEW)

    assert answer.url == "/accounts/password/reset/key/done/"
    assert Client().post("/accounts/login/", {"username": "anna", "password": NEW["password1"]}).status_code == 302


def test_the_link_works_once(anna, can_mail):
    client = Client()
    client.post(PAGE, {"email": "anna@example.org"})
    address = link()
    client.post(client.get(address, follow=True).redirect_chain[-1][0], NEW)

    assert "This link does not work" in Client().get(address, follow=True).content.decode()


def test_a_new_password_ends_all_sessions(anna, can_mail):
    other = Client()
    other.force_login(anna)
    client = Client()
    client.post(PAGE, {"email": "anna@example.org"})

    client.post(client.get(link(), follow=True).redirect_chain[-1][0], NEW)

    assert other.get("/albums/").status_code == 302


def test_links_lead_to_the_public_address_whatever_host_is_asked(anna, can_mail, settings):
    settings.ALLOWED_HOSTS = ["*"]

    Client(headers={"Host": "evil.example"}).post(PAGE, {"email": "anna@example.org"})

    assert link().startswith("/accounts/password/reset/key/")
    assert "evil.example" not in str(outbox.outbox[0].message())


def test_the_answer_tells_nothing_about_who_is_known(anna, can_mail, django_assert_num_queries, monkeypatch):
    asked = []
    monkeypatch.setattr(mail, "submit", asked.append)
    Client().post(PAGE, {"email": "first@example.org"})  # for whatever is done once
    cache.clear()
    for address in ("anna@example.org", "nobody@example.org"):
        with django_assert_num_queries(8):  # all for the two limits; nobody is looked up
            answer = Client().post(PAGE, {"email": address})
        assert (answer.status_code, answer.url) == (302, "/accounts/password/reset/done/")
    assert len(asked) == 3


def test_nobody_is_written_to_who_has_no_account(anna, can_mail):
    Client().post(PAGE, {"email": "nobody@example.org"})

    assert outbox.outbox == []


def test_an_address_that_was_not_confirmed_gets_no_link(anna, can_mail):
    EmailAddress.objects.update(verified=False)

    Client().post(PAGE, {"email": "anna@example.org"})

    assert outbox.outbox == []


@pytest.mark.parametrize(
    ("changes", "gets_one"),
    [({}, True), ({"is_active": False}, False), ({"password": "!"}, False)],
)
def test_an_address_that_an_administrator_wrote_down_gets_one(can_mail, changes, gets_one):
    user = User.objects.create_user("ben", "ben@example.org", "a fine password")
    User.objects.filter(pk=user.pk).update(**changes)

    assert password_reset.users_of("BEN@example.org") == [user] * gets_one


def test_asking_again_and_again_has_to_wait(anna, can_mail):
    answers = [Client().post(PAGE, {"email": "anna@example.org"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert answers[-1]["Retry-After"] == "60"
    assert "Too many attempts" in answers[-1].content.decode()


def test_whoever_was_sent_a_link_need_not_wait_for_wrong_guesses(anna, can_mail, settings):
    settings.LOGIN_ATTEMPTS = 1
    form = {"username": "anna", "password": "a poor guess"}
    assert [Client().post("/accounts/login/", form).status_code for _ in range(2)] == [200, 429]
    client = Client()
    client.post(PAGE, {"email": "anna@example.org"})
    client.post(client.get(link(), follow=True).redirect_chain[-1][0], NEW)

    assert Client().post("/accounts/login/", form | {"password": NEW["password1"]}).status_code == 302


def test_an_address_is_confirmed_by_the_link_that_is_sent_to_it(owner, can_mail):
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


def test_what_waits_for_a_mail_server_is_bounded(caplog, monkeypatch):
    monkeypatch.setattr(mail, "_room", mail.BoundedSemaphore(1))
    mail._room.acquire()

    mail.submit(lambda: None)

    assert "E-mail dropped" in caplog.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", ("", 0, False, False)),
        ("smtp://mail.example.org", ("mail.example.org", 587, True, False)),
        ("smtps://mail.example.org", ("mail.example.org", 465, False, True)),
        ("smtp+plain://localhost:2525", ("localhost", 2525, False, False)),
    ],
)
def test_the_address_of_a_mail_server(url, told):
    server = mail_settings.server(url)

    assert (server.host, server.port, server.starttls, server.tls) == told


def test_a_password_in_the_address_is_decoded():
    server = mail_settings.server("smtp://an%40na:p%3Aw@mail.example.org")

    assert (server.user, server.password) == ("an@na", "p:w")


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_an_address_that_makes_no_sense_stops_the_start(url):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL must have the form"):
        mail_settings.server(url)
