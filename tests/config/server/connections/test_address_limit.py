"""Which connections count together, and which are not limited."""

import pytest

from config.server.connections.address_limit import AddressLimit


def admitted(limit: AddressLimit, *hosts: str) -> list[bool]:
    return [limit.admit((host, 50_000 + number)) for number, host in enumerate(hosts)]


def test_an_address_has_at_most_its_share_of_connections():
    limit = AddressLimit(0, 2, is_behind_proxy=False)

    assert admitted(limit, "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2") == [True, True, False, True]
    limit.release(("192.0.2.1", 1))
    assert admitted(limit, "192.0.2.1", "192.0.2.1") == [True, False]


def test_a_configured_limit_replaces_the_default():
    assert admitted(AddressLimit(1, 2, is_behind_proxy=False), "192.0.2.1", "192.0.2.1") == [True, False]


@pytest.mark.parametrize(
    ("first", "second"),
    [("2001:db8::1", "2001:db8::2"), ("192.0.2.1", "::ffff:192.0.2.1"), ("fe80::1%eth0", "fe80::2%eth0")],
)
def test_addresses_of_one_customer_count_together(first, second):
    assert admitted(AddressLimit(0, 1, is_behind_proxy=False), first, second) == [True, False]


def test_addresses_of_different_customers_count_separately():
    hosts = ("2001:db8::1", "2001:db8:0:1::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2")

    assert admitted(AddressLimit(0, 1, is_behind_proxy=False), *hosts) == [True] * 4


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_on_the_same_machine_is_limited_only_if_that_is_configured(host):
    assert admitted(AddressLimit(0, 1, is_behind_proxy=False), host, host) == [True, True]
    assert admitted(AddressLimit(1, 1, is_behind_proxy=False), host, host) == [True, False]


def test_a_proxys_connections_are_not_limited():
    assert admitted(AddressLimit(1, 1, is_behind_proxy=True), "192.0.2.1", "192.0.2.1") == [True, True]


def test_connections_through_a_unix_socket_are_not_limited():
    limit = AddressLimit(1, 1, is_behind_proxy=False)

    assert [limit.admit(""), limit.admit("")] == [True, True]
    limit.release("")
