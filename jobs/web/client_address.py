"""The address of whoever sends a request, also where proxies stand before the site."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
)

from django.http import HttpRequest

from jobs.conf import get_conf

Address = IPv4Address | IPv6Address


def client_network(request: HttpRequest) -> str | None:
    """Return the address of the client; of IPv6 the network of 64 bits, which one household has.

    ``X-Forwarded-For`` counts as far as each address that added to it is in
    ``JOBS["TRUSTED_PROXIES"]``: what stands further left may have been invented by the client.

    Returns:
        None where nobody can tell: a proxy that is not trusted, on a private network, says that it
        forwards for others. All clients would have its address.
    """
    peer = _parsed(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    hops = [_parsed(hop) for hop in forwarded.split(",")] if forwarded else []
    # A server on a Unix socket tells no address: only a proxy on this machine connects to that.
    if peer is not None and not _is_trusted(peer):
        return None if hops and peer.is_private else _network(peer)
    found = peer
    while hops:
        found = hops.pop()
        if found is None or not _is_trusted(found):
            break
    return None if found is None else _network(found)


def _parsed(text: str) -> Address | None:
    """Return an address that may be written with a port: ``1.2.3.4:80``, ``[::1]:80``."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in get_conf().trusted_networks)


def _network(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address.packed, 64), strict=False))
    return str(address)
