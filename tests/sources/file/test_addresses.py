"""Which addresses count as public, on every Python version alike."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import SourceError, SourceRefused
from streamtags.sources.file.addresses import is_public, public_addresses

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2600::1", "2a00:1450:4001::200e", "2001:4860:4860::8888", "::ffff:8.8.8.8"]
INNER = {
    "IPv4": [
        "127.0.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ],
    "IPv4 of a cloud's host": ["168.63.129.16", "100.100.100.200", "192.0.0.192"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "loopback and unspecified": ["::1", "::", "fe80::1"],
    "site-local": ["fec0::1", "feff:ffff::1"],
    "unique local": ["fc00::1", "fd00:ec2::254"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::a01:203", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1"],
    "6to4": ["2002:7f00:1::", "2002:a01:203::1", "2002:808:808::1"],
    "Teredo": ["2001:0:7f00:1::", "2001::1"],
    "documentation": ["3fff::1", "2001:db8::1", "192.0.2.7", "203.0.113.1"],
    "IPv4 inside": ["::127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::7f00:1"],
    "ISATAP": ["2600::5efe:10.0.0.1", "2600::200:5efe:127.0.0.1"],
    "not assigned": ["100::1", "5f00::1", "4000::1", "e000::1"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_global_unicast_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(("kind", "address"), [(kind, address) for kind, addresses in INNER.items() for address in addresses])
def test_everything_else_is_not(kind: str, address: str) -> None:
    assert not is_public(ipaddress.ip_address(address)), kind


@given(st.ip_addresses(v=4))
def test_no_address_is_public_that_the_standard_library_calls_private(address: ipaddress.IPv4Address) -> None:
    assert not is_public(address) or (not address.is_private and not address.is_multicast)


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_public_in_ipv6(address: ipaddress.IPv6Address) -> None:
    assert not is_public(address) or address in ipaddress.ip_network("2000::/3") or address.ipv4_mapped is not None


@pytest.mark.parametrize(
    "host", ["fec0::1", "64:ff9b::a01:203", "2002:a01:203::1", "3fff::1", "localhost", "127.1", "2130706433", "0x7f000001"]
)
def test_a_host_with_an_inner_address_is_refused(host: str) -> None:
    with pytest.raises(SourceRefused, match="private network"):
        public_addresses(host, 80)


def test_a_host_without_an_address_is_an_error() -> None:
    with pytest.raises(SourceError, match="no address"):
        public_addresses("a" * 300, 80)
