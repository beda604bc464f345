"""Who follows the endings of jobs: a package above this one, found by its name.

It reads the results feed, behind the place up to which it has read, and inserts what follows from
each ending in the transaction that moves that place. So an ending itself costs nothing more, and
has its consequences exactly once, whoever is killed when.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple, Protocol, cast

DELIVERIES: Final = "deliveries"
"""The queue of what follows; it has slots and threads of its own in each consumer process."""
_FOLLOWER: Final = "jobs.webhooks.follower"


class Followed(NamedTuple):
    """What one look at the feed has found.

    Attributes:
        is_active: somebody wants to be told of endings.
        inserted: so many jobs were inserted into the queue ``DELIVERIES``.
        more: it is worth looking again at once.
    """

    is_active: bool = False
    inserted: int = 0
    more: bool = False


class Follower(Protocol):
    """The module that ``follower`` returns."""

    def follow(self) -> Followed:
        """Look at what has ended since the last look, and insert what follows from it.

        Raises:
            DatabaseError: the database cannot do it now; nothing was changed.
            Unavailable: the feed cannot be read yet.
        """

    def keep_endings(self, job_ids: Sequence[uuid.UUID]) -> None:
        """Insert what follows from endings that were not looked at yet and are taken back now.

        Call it in the transaction that queues the jobs again, before it does.
        """


def follower() -> Follower:
    """Return who follows."""
    return cast("Follower", import_module(_FOLLOWER))
