"""Which addresses count as internal. tests/faults/test_enclosed.py tests that no connection is made to them."""

import pytest

from processing.storage.s3 import ssrf

pytestmark = pytest.mark.once

INTERNAL = """
    0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 100::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 febf::1 fec0::1 feff::1 ff02::1 ff0e::1 2001:db8::1 2001:2::1
    3fff::1 5f00::1 4000::1
"""
EMBEDDING = {
    "IPv4-mapped": "::ffff:{dotted}",
    "NAT64": "64:ff9b::{hex}",
    "6to4": "2002:{hex}::1",
    "Teredo's server": "2001:0:{hex}::f7f7:f7f7",
    "ISATAP": "2606:4700::5efe:{hex}",
    "ISATAP of a global address": "2606:4700::200:5efe:{hex}",
}
ALWAYS_INTERNAL = {
    "IPv4-compatible": "::{hex}",
    "SIIT": "::ffff:0:{hex}",
    "local NAT64": "64:ff9b:1::{hex}",
    "local NAT64, longer": "64:ff9b:1:ffff:1:2:{hex}",
}


def embedded(ipv6_form: str, ipv4: str) -> str:
    high, low = (int(part[0]) << 8 | int(part[1]) for part in (ipv4.split(".")[:2], ipv4.split(".")[2:]))
    return ipv6_form.format(dotted=ipv4, hex=f"{high:x}:{low:x}")


@pytest.mark.parametrize("address", INTERNAL.split())
def test_an_internal_address_is_not_public(address):
    assert not ssrf.is_public(address)


@pytest.mark.parametrize("ipv6_form", EMBEDDING.values(), ids=EMBEDDING.keys())
@pytest.mark.parametrize("ipv4", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "0.0.0.0"])
def test_an_ipv6_address_with_an_internal_ipv4_address_is_internal(ipv6_form, ipv4):
    assert not ssrf.is_public(embedded(ipv6_form, ipv4))


@pytest.mark.parametrize("ipv6_form", EMBEDDING.values(), ids=EMBEDDING.keys())
def test_an_ipv6_address_with_a_public_ipv4_address_is_public(ipv6_form):
    assert ssrf.is_public(embedded(ipv6_form, "8.8.8.8"))


def test_the_client_in_a_teredo_address_is_checked_too():
    """The client's IPv4 address is in the last 32 bits, inverted."""
    assert ssrf.is_public("2001:0:808:808::f7f7:f7f7")
    assert not ssrf.is_public("2001:0:808:808::80ff:fffe")  # 127.0.0.1


@pytest.mark.parametrize("ipv6_form", ALWAYS_INTERNAL.values(), ids=ALWAYS_INTERNAL.keys())
@pytest.mark.parametrize("ipv4", ["127.0.0.1", "8.8.8.8"])
def test_forms_that_are_not_used_on_the_internet_are_always_internal(ipv6_form, ipv4):
    assert not ssrf.is_public(embedded(ipv6_form, ipv4))


@pytest.mark.parametrize("address", ["8.8.8.8", "52.216.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_a_public_address_is_public(address):
    assert ssrf.is_public(address)
