"""The one-time link that creates the first user."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from config.accounts import first_user

FORM = {"username": "anna", "password1": "a fine password", "password2": "a fine password"}


@pytest.fixture
def link(db) -> str:
    path = first_user.link()
    assert path is not None
    return path


def test_the_link_stays_the_same_until_it_is_used(link):
    assert first_user.link() == link


def test_the_link_shows_a_form(client, link):
    assert client.get(link).status_code == 200


def test_the_first_user_may_do_everything_and_is_signed_in(client, link):
    response = client.post(link, FORM)

    assert (response.status_code, response.url) == (302, "/albums/new/")
    user = User.objects.get()
    assert (user.username, user.is_staff, user.is_superuser) == ("anna", True, True)
    assert client.get("/albums/").status_code == 200


def test_the_link_works_once(client, link, data_dir):
    client.post(link, FORM)

    assert Client().get(link).status_code == 404
    assert Client().post(link, FORM | {"username": "ben"}).status_code == 404
    assert first_user.link() is None
    assert User.objects.count() == 1
    assert not (data_dir / "first_user_link").exists()


def test_a_wrong_link_does_not_exist(client, link):
    assert client.get("/welcome/guess/").status_code == 404
    assert client.post("/welcome/guess/", FORM).status_code == 404


def test_the_link_is_invalid_once_there_is_a_user(client, link, owner):
    assert client.get(link).status_code == 404


def test_a_weak_password_is_explained(client, link):
    response = client.post(link, FORM | {"password1": "1234", "password2": "1234"})

    assert response.status_code == 422
    assert "too short" in response.content.decode()
    assert User.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_several_clients_that_use_the_link_at_once_one_succeeds():
    link = first_user.link()
    start = Barrier(5)

    def open_link(number: int) -> int:
        client = Client()
        start.wait(60)
        try:
            return client.post(link, FORM | {"username": f"guest{number}"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(open_link, range(5)))

    assert sorted(statuses) == [302, 404, 404, 404, 404]
    assert User.objects.count() == 1


@pytest.mark.parametrize("address", ["/accounts/login/", "/admin/login/"])
def test_without_users_the_sign_in_page_says_where_the_link_is(client, link, address):
    page = client.get(address, follow=True).content.decode()

    assert "one-time link that the server prints at start" in page
    assert ('type="password"' in page, link in page) == (False, False)

    client.post(link, FORM)
    assert 'type="password"' in Client().get(address, follow=True).content.decode()


def test_a_used_link_says_that_it_was_used_and_where_to_sign_in(client, link):
    client.post(link, FORM)

    page = Client().get(link).content.decode()

    assert ("This link has been used" in page, 'href="/accounts/login/"' in page) == (True, True)


def test_a_wrong_link_says_where_the_right_one_is(client, link):
    page = client.get("/welcome/guess/").content.decode()

    assert ("This link does not work" in page, link in page) == (True, False)


def test_password_rules_are_shown_when_one_is_broken(client, link):
    page = client.get(link).content.decode()
    assert ("At least 8 characters." in page, "commonly used" in page, "<li>" in page) == (True, False, False)

    page = client.post(link, FORM | {"password1": "password", "password2": "password"}).content.decode()
    assert "too common" in page
