"""Whose address a request has, behind proxies and without."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from jobs.web.client_address import client_network

ONE_PROXY = ("127.0.0.1", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "found"),
    [
        ((), "9.9.9.9", "", "9.9.9.9"),
        # What a client says about itself does not count.
        ((), "9.9.9.9", "198.51.100.1", "9.9.9.9"),
        (ONE_PROXY, "9.9.9.9", "198.51.100.1", "9.9.9.9"),
        (ONE_PROXY, "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        (ONE_PROXY, "127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        (ONE_PROXY, "127.0.0.1", "1.1.1.1, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        (ONE_PROXY, "127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        (ONE_PROXY, "127.0.0.1", "", "127.0.0.1"),
        # A server on a Unix socket tells no address.
        (ONE_PROXY, "", "198.51.100.1", "198.51.100.1"),
        (ONE_PROXY, "", "", None),
        # A proxy that nobody has told us of: all clients have its address.
        ((), "10.1.2.3", "198.51.100.1", None),
        ((), "10.1.2.3", "", "10.1.2.3"),
        (ONE_PROXY, "127.0.0.1", "nonsense", None),
        # A household has a network of 64 bits.
        ((), "2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
        (ONE_PROXY, "127.0.0.1", "[2001:db8:1:2:3::4]:80", "2001:db8:1:2::/64"),
        ((), "::ffff:9.9.9.9", "", "9.9.9.9"),
    ],
)
def test_the_address_of_a_client(
    rf: RequestFactory,
    settings: Any,
    trusted: tuple[str, ...],
    peer: str,
    forwarded: str,
    found: str | None,
) -> None:
    settings.JOBS = {**settings.JOBS, "TRUSTED_PROXIES": trusted}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_network(rf.get("/", REMOTE_ADDR=peer, headers=headers)) == found
