"""The limits of jobs, of a queue and of one user: how each is counted, and how it is refused.

Nothing is counted along with the jobs: the rows are asked, each time by an index and no further
than the limit (``jobs.lifecycle.room``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from jobs.conf import get_conf
from jobs.core.rights import CHANGE_JOBS, has_right
from jobs.errors import LimitReached, LimitState, QueueFull, QuotaExceeded
from jobs.lifecycle import room

RETRY_AFTER: Final = 2
"""Seconds until a queue may have room again: eight consumers empty many places meanwhile."""
MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of something of a queue or of a user.

    ``name`` is that of the policy in ``RateLimit-Policy``; ``window`` is in seconds, None for a
    limit of what there is at a time; ``count`` reads how much there is.
    """

    name: str
    key: tuple[str, Any]
    quota: int
    count: Callable[[], int]
    refused: Callable[[Sequence[LimitState]], LimitReached]
    window: int | None = None

    def state(self, remaining: int) -> LimitState:
        """Return what is left of it."""
        reset = self.window if self.window is not None and not remaining else None
        return LimitState(self.name, self.quota, remaining, self.window, reset)

    def refusal(self, states: Sequence[LimitState]) -> LimitReached:
        """Return the error that says that it is reached."""
        return self.refused(states)


def limits_of(queue: str, owner: Any) -> list[Limit]:
    """Return the limits of a submission: the queue's, and the owner's.

    Who has the right to change everybody's jobs has none of their own.
    """
    conf = get_conf()
    backlog = conf.max_backlog
    found = [
        Limit(
            "backlog",
            ("queue", queue),
            backlog,
            partial(room.waiting_jobs, queue, backlog),
            lambda states: QueueFull(queue, backlog, RETRY_AFTER, states),
        )
    ]
    if owner is None or owner.pk is None or has_right(owner, CHANGE_JOBS):
        return found
    key, most, rate = owner.pk, conf.user_max_unfinished, conf.user_max_per_minute
    if most:
        count = partial(room.unfinished_jobs, key, most)
        refused = partial(_too_many_unfinished, most)
        found.append(Limit("unfinished", ("unfinished", key), most, count, refused))
    if rate:
        count = partial(room.recent_jobs, key, MINUTE, rate)
        refused = partial(_too_many_a_minute, key, rate)
        found.append(Limit("minute", ("minute", key), rate, count, refused, MINUTE))
    return found


def _too_many_unfinished(most: int, states: Sequence[LimitState]) -> LimitReached:
    why = f"You have {most:,} unfinished jobs, and one user may have no more."
    return QuotaExceeded(why, RETRY_AFTER, states)


def _too_many_a_minute(key: Any, rate: int, states: Sequence[LimitState]) -> LimitReached:
    seconds = room.seconds_until_room(key, MINUTE, rate)
    why = f"You have submitted {rate:,} jobs within a minute, and one user may submit no more."
    told = [one._replace(reset=seconds) if one.name == "minute" else one for one in states]
    return QuotaExceeded(why, seconds, told)
