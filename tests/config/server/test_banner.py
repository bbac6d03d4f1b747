"""The messages that the server prints at its start."""

import pytest

from config.server import banner
from processing.doctor import site_url as own_address

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("nas.local", "http://nas.local:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(settings, host, address):
    settings.HOST, settings.PORT, settings.PUBLIC_URL = host, 8000, ""

    assert own_address.own() == address


def test_behind_a_proxy_the_public_url_is_shown(settings):
    settings.PUBLIC_URL = "https://photos.example.com"

    assert own_address.own() == "https://photos.example.com"


def test_without_users_the_link_is_shown():
    assert any("/welcome/" in line for line in banner.messages())


def test_the_link_is_not_shown_once_there_is_a_user(owner):
    assert [line for line in banner.messages() if "/welcome/" in line] == []


@pytest.mark.parametrize(
    ("host", "behind_tls", "warns"),
    [
        ("127.0.0.1", False, False),
        ("localhost", False, False),
        ("::1", False, False),
        ("0.0.0.0", False, True),
        ("192.168.1.5", False, True),
        ("0.0.0.0", True, False),
    ],
)
def test_listening_publicly_without_encryption_prints_a_warning(settings, owner, host, behind_tls, warns):
    settings.HOST, settings.BEHIND_TLS = host, behind_tls

    assert any("Warning" in line for line in banner.messages()) is warns
