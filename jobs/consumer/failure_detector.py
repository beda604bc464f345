"""Which consumers are dead? Decided by counting heartbeats, never by comparing clocks.

A consumer counts its own committed heartbeats. A peer is dead when the consumer has committed
nearly as many as a lease holds and seen none of the peer's: a stepped clock, a suspended machine or
a locked database stops both alike, and kills neither. On one host a free file lock is proof at
once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from jobs import lifecycle

from . import consumer_lock
from .registration import host_name


class FailureDetector:
    """What one consumer has seen of the others.

    Args:
        limit: a peer silent for so many of our heartbeats is dead.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._own = 0
        self._seen: dict[uuid.UUID, tuple[int, int]] = {}
        """The last heartbeat of each peer, and which of our own saw it first."""

    def silent(self, me: uuid.UUID) -> list[tuple[uuid.UUID, int]]:
        """Return the peers that have been silent for too long, each with its last heartbeat.

        To be called after each committed heartbeat of our own.
        """
        self._own += 1
        self._seen = {
            peer: self._seen[peer]
            if self._seen.get(peer, (-1, 0))[0] == heartbeat
            else (heartbeat, self._own)
            for peer, heartbeat in lifecycle.other_heartbeats(me).items()
        }
        return [
            (peer, heartbeat)
            for peer, (heartbeat, since) in self._seen.items()
            if self._own - since >= self._limit
        ]

    def proven_dead(self, me: uuid.UUID) -> Iterator[uuid.UUID]:
        """The consumers of this host whose file lock is free; the lock files are removed."""
        for peer in lifecycle.living_on_host(host_name()):
            if peer != me and consumer_lock.is_proof_of_death(peer):
                yield peer
                consumer_lock.remove(peer)
