"""Signing in through a provider that runs in the test."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, served

BEGIN, CALLBACK, CONNECTION = (f"/accounts/openid-connect/{page}" for page in ("", "callback/", "connection/"))


ANNA = {"sub": "7", "preferred_username": "anna", "email": "anna@example.org", "email_verified": True}


@pytest.fixture
def provider(settings, admin) -> Iterator[FakeProvider]:
    """A running provider that may create users; the first user exists."""
    cache.clear()
    with served(FakeProvider()) as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Home"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.OIDC_CREATE_USERS = True
        yield provider


def go_to_provider(client: Client, provider: FakeProvider, **form_fields) -> str:
    """Sends the browser to the provider; returns the state for the callback."""
    page = client.post(BEGIN, form_fields)
    assert page.status_code == 200, page
    provider.authorize(url_to(page))
    return provider.authorization_request["state"]


def url_to(page) -> str:
    """Returns the provider's address from the link on the page."""
    return html.unescape(re.search(r'<a class="button button--primary" href="([^"]+)"', page.content.decode())[1])


def come_back(client: Client, state: str, **query):
    return client.get(CALLBACK, {"code": "a-code", "state": state} | query)


def sign_in_through(provider: FakeProvider, claims: dict[str, Any] | None = None, client: Client | None = None):
    """Signs in through the provider; returns the response to the callback."""
    provider.claims = claims or ANNA
    client = client or Client()
    return come_back(client, go_to_provider(client, provider))


def code_shown(response) -> str:
    return re.search(r"<code>(oidc-[a-z-]+)</code>", response.content.decode())[1]


GROUPS = {"OIDC_STAFF_GROUP": "editors", "OIDC_ADMIN_GROUP": "admins"}
