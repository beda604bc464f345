"""Which addresses may be connected to."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Which addresses Python calls global differs between its versions: these are always blocked.
BLOCKED = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # for protocols
        "192.88.99.0/24",  # relays from IPv6 to IPv4
        "240.0.0.0/4",  # reserved
        "2001::/23",  # for protocols; Teredo, which holds an IPv4 address
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",  # for documentation
    )
)
# All public IPv6 addresses are in here; loopback, link-local, site-local, multicast, and IPv4
# addresses written as IPv6 (::127.0.0.1, ::ffff:127.0.0.1) are not.
PUBLIC_IPV6 = IPv6Network("2000::/3")
# How an IPv6-only network names an IPv4 host: as good as the address in its last 32 bits.
NAT64 = IPv6Network("64:ff9b::/96")


class FetchRefused(Exception):
    """The page must not be fetched, now or later; the message says why."""


class NotPublic(FetchRefused):
    """The host is not, or does not lead to, an address that may be connected to."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks written as ``127.0.0.0/8`` or ``::1``.

    Raises:
        ValueError: a text is not a network.
    """
    return tuple(ip_network(text, strict=False) for text in texts)


def is_public(address: Address) -> bool:
    """Whether the address belongs to a host of the public internet."""
    if isinstance(address, IPv6Address):
        if address in NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in PUBLIC_IPV6:
            return False
    blocked = any(address in network for network in BLOCKED)
    return address.is_global and not address.is_multicast and not blocked


def check_address(host: str, address: str, allowed: Sequence[Network] = ()) -> None:
    """Accept public addresses and those in the allowed networks.

    Raises:
        FetchRefused: it is neither.
    """
    found = ip_address(address)
    if is_public(found) or any(found in network for network in allowed):
        return
    # Not which one a name resolves to: that would tell strangers about the network.
    what = "is not" if host == address else "does not lead to"
    raise NotPublic(f"{host[:100]} {what} a public address. Only public addresses are fetched.")


def resolve(host: str, port: int, allowed: Sequence[Network] = ()) -> list[str]:
    """Return the addresses of a host, all of them checked.

    Raises:
        FetchRefused: one of them may not be connected to, or the name is not valid.
        OSError: the name could not be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise FetchRefused(f"{host[:100]!r} is not the name of a host.") from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        check_address(host, address, allowed)
    return addresses
