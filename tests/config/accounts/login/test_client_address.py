"""The client's address: from the connection, or from the header that the proxy sets."""

import pytest
from django.test import RequestFactory

from config.accounts.login import client_address


@pytest.mark.parametrize(
    ("peer", "address", "network", "site"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", None),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7", None),
        ("fe80::1%eth0", "fe80::1", "fe80::/64", "fe80::/48"),
        ("", "::", "unknown", None),
        ("nonsense", "::", "unknown", None),
    ],
)
def test_addresses_of_one_customer_are_one_network(peer, address, network, site):
    request = RequestFactory().get("/", REMOTE_ADDR=peer)

    assert (client_address.address(request), client_address.network(request), client_address.ipv6_site(request)) == (
        address,
        network,
        site,
    )


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("198.51.100.1, 203.0.113.9:51234", "203.0.113.9"),
        ("203.0.113.9, unknown", "::"),
        ("", "192.0.2.7"),
    ],
)
def test_behind_a_proxy_its_own_entry_of_the_header_is_read(settings, header, address):
    settings.BEHIND_TLS = True

    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": header})

    assert client_address.address(request) == address


def test_without_a_proxy_the_header_is_not_read():
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "203.0.113.9"})

    assert client_address.address(request) == "192.0.2.7"
