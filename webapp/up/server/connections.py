"""How many connections there may be, in all and from one address.

A connection that is one too many is accepted, and another one is closed for it: that which has
waited for its client the longest. So who holds connections open loses them, and whoever comes
to use one gets it.
"""

from __future__ import annotations

import ipaddress
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from .http_connection import HttpConnection

MOST: Final = 1000
FILES_OF_OTHERS: Final = 200
"""Open files that are left for databases, uploads and logs."""
_SHARE: Final = 0.75
"""Of all connections, for one address: all of an office, or of a proxy, may come from one."""


def most_connections() -> int:
    """Return how many connections this process may have: fewer where it may open few files."""
    if sys.platform == "win32":
        return MOST
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    return min(MOST, max(soft - FILES_OF_OTHERS, soft // 2))


class Connections:
    """Those that are open.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_of_one = max(int(most * _SHARE), 1)
        self._by_address: defaultdict[str, set[HttpConnection]] = defaultdict(set)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[HttpConnection]:
        return iter([one for some in self._by_address.values() for one in some])

    def admit(self, connection: HttpConnection) -> bool:
        """Count one more; return False if no other one could give way to it."""
        address = network(connection.address)
        mine = self._by_address.get(address, set())
        if len(mine) >= self._most_of_one and not self._give_way(mine):
            return False
        if self._count >= self._most and not self.give_way():
            return False
        self._by_address[address].add(connection)
        self._count += 1
        return True

    def give_way(self) -> bool:
        """Close one of the address that has the most; return whether there was one."""
        return any(
            self._give_way(some)
            for some in sorted(self._by_address.values(), key=len, reverse=True)
        )

    def _give_way(self, some: set[HttpConnection]) -> bool:
        waiting = [one for one in some if one.waits_for_client]
        if not waiting:
            return False
        longest = min(waiting, key=lambda one: one.waiting_since)
        self.forget(longest)
        longest.abort()
        return True

    def forget(self, connection: HttpConnection) -> None:
        """Count it no more."""
        address = network(connection.address)
        some = self._by_address.get(address, set())
        if connection in some:
            some.remove(connection)
            self._count -= 1
            if not some:
                del self._by_address[address]


def network(address: str) -> str:
    """Return what is counted as one address: of IPv6 the network, of which a host has it all."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
