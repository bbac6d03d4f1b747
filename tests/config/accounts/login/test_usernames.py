"""Finding the user of an entered name."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.accounts.login.usernames import find_user, normalised

pytestmark = pytest.mark.django_db


def create_users(*names: str) -> dict[str, User]:
    return {name: User.objects.create_user(name, password="a fine password") for name in names}


@pytest.mark.parametrize("entered", [" bob", "BOB", "bob ", "\uff42\uff4f\uff42", "\u00a0Bob"])
def test_all_spellings_of_a_name_are_normalised_alike(entered):
    assert normalised(entered) == "bob"


@pytest.mark.parametrize("entered", ["bob", "Bob", "BOB", "\uff42\uff4f\uff42", "bob "])
def test_all_spellings_of_a_name_find_the_same_user(entered):
    [bob] = create_users("bob").values()

    response = Client().post("/accounts/login/", {"username": entered, "password": "a fine password"})

    assert response.status_code == 302
    assert find_user(entered) == bob


def test_a_user_name_with_capitals_is_found_with_and_without_them():
    [anna] = create_users("AnnA").values()

    assert (find_user("AnnA"), find_user("anna")) == (anna, anna)


def test_of_two_names_that_differ_in_capitals_the_exact_one_is_found():
    users = create_users("Bob", "bob")

    assert (find_user("Bob"), find_user("bob"), find_user("BOB")) == (users["Bob"], users["bob"], None)


def test_letters_that_only_look_alike_are_different_names():
    create_users("bib")

    assert find_user("b\u0131b") is None  # PostgreSQL's capital of a dotless i is I


def test_an_unknown_name_costs_as_many_queries(django_assert_num_queries):
    create_users("bob")

    for name in ("bob", "Bob", "nobody"):
        with django_assert_num_queries(1):
            find_user(name)
