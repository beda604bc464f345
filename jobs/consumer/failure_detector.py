"""Who is dead? Decided by counting, never by comparing clocks.

A watcher counts its own committed beats. Another consumer is dead when the watcher has committed
nearly as many as a lease holds and seen none of the other's: a stepped clock, a suspended machine
or a locked database stops both alike, and kills nobody. On one host a free file lock is proof at
once.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator

from jobs import lifecycle

from . import consumer_lock


class FailureDetector:
    """One consumer's view of the others."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._own = 0
        self._seen: dict[uuid.UUID, tuple[int, int]] = {}

    def silent(self, me: uuid.UUID) -> list[tuple[uuid.UUID, int]]:
        """Call after each committed beat of one's own: who has been silent for
        ``patience`` of them, and the beat last seen."""
        self._own += 1
        beats = lifecycle.other_heartbeats(me)
        self._seen = {
            consumer: self._seen[consumer]
            if self._seen.get(consumer, (-1, 0))[0] == beat
            else (beat, self._own)
            for consumer, beat in beats.items()
        }
        return [
            (consumer, beat)
            for consumer, (beat, since) in self._seen.items()
            if self._own - since >= self._patience
        ]

    def proven_dead(self, me: uuid.UUID) -> Iterator[uuid.UUID]:
        """Those of this host whose file lock is free."""
        for consumer in lifecycle.living_on_host(host_name()):
            if consumer != me and consumer_lock.is_proof_of_death(consumer):
                yield consumer
                consumer_lock.remove(consumer)


def host_name() -> str:
    """This machine's name, as consumers are known by."""
    return socket.gethostname()[:200]
