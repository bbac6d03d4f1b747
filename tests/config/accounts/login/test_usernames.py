"""A name that is typed, and the user it means."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.accounts.login.usernames import find_user, normalised

pytestmark = pytest.mark.django_db


def users(*names: str) -> dict[str, User]:
    return {name: User.objects.create_user(name, password="a fine password") for name in names}


@pytest.mark.parametrize("typed", [" bob", "BOB", "bob ", "\uff42\uff4f\uff42", "\u00a0Bob"])
def test_a_name_is_one_name_however_it_is_written(typed):
    assert normalised(typed) == "bob"


@pytest.mark.parametrize("typed", ["bob", "Bob", "BOB", "\uff42\uff4f\uff42", "bob "])
def test_however_it_is_written_it_means_the_same_user(typed):
    [bob] = users("bob").values()

    answer = Client().post("/accounts/login/", {"username": typed, "password": "a fine password"})

    assert answer.status_code == 302
    assert find_user(typed) == bob


def test_a_user_with_capitals_may_still_write_them():
    [anna] = users("AnnA").values()

    assert (find_user("AnnA"), find_user("anna")) == (anna, anna)


def test_of_two_names_that_differ_in_capitals_the_exact_one_is_meant():
    found = users("Bob", "bob")

    assert (find_user("Bob"), find_user("bob"), find_user("BOB")) == (found["Bob"], found["bob"], None)


def test_letters_that_only_look_alike_are_other_names():
    users("bib")

    assert find_user("b\u0131b") is None  # PostgreSQL's capital of a dotless i is I


def test_an_unknown_name_costs_as_many_queries(django_assert_num_queries):
    users("bob")

    for name in ("bob", "Bob", "nobody"):
        with django_assert_num_queries(1):
            find_user(name)
