"""Which network addresses are public.

The decision is an allow-list: global unicast, without the blocks that IANA's special-purpose registries reserve in it. It does not use
`ipaddress.is_global`, whose answers differ between Python versions.

Sources: https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry,
https://www.iana.org/assignments/ipv6-address-space
"""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from streamtags.core.errors import SourceError, SourceRefused

__all__ = ["is_public", "public_addresses"]

_RESERVED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host of a virtual machine at Azure, inside every virtual network
        "169.254.0.0/16",  # link-local, metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Outside are loopback, link-local, site-local, unique local, multicast, NAT64, segment routing and unassigned blocks.
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_RESERVED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which has an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether `address` is global unicast and does not carry an IPv4 address that is not."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _RESERVED_V4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address not in _GLOBAL_UNICAST_V6 or any(address in block for block in _RESERVED_V6):
        return False
    tunnel, inside = (int(address) >> 32) & 0xFFFF_FFFF, IPv4Address(int(address) & 0xFFFF_FFFF)
    return tunnel not in _ISATAP or is_public(inside)


def public_addresses(host: str, port: int) -> list[tuple[str, int]]:
    """Resolve `host` now; return its addresses with `port` if every one of them is public.

    Raises:
        SourceRefused: an address is not public.
        SourceError: the host has no address.
    """
    try:
        results = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError) as error:
        raise SourceError("its host has no address", where=host, hint="check the host name") from error
    addresses = [(str(address[0]), port) for *_, address in results]
    for text, _ in addresses:
        if not is_public(ipaddress.ip_address(text.partition("%")[0])):
            raise SourceRefused("its host is on a private network", where=host, hint="use a public address, or allow private ones")
    return addresses
