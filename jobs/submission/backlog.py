"""Whether there is room for more jobs: in their queue, and for their owner.

What there is is counted along an index, no further than the limit, and remembered by each process,
which adds what it submits itself. So a submission costs no statement for a limit most of the time,
and what processes together get past a limit is what they insert between two counts of each:

- a count holds for a second, and for an eighth of the room that it found: the closer to the limit,
  the sooner the next one; where there is room for more than a hundred thousand, for a second for
  each of these, for to count a million takes the time of several thousand submissions;
- one that found no room holds for a second;
- counting more than a thousand takes no more than a tenth of the time;
- for a limit of a thousand or less each submission counts, so that one is exact but for what is
  being inserted at this moment: ``tests/brokers/test_limits.py`` has processes flood one queue.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.errors import LimitReached, LimitState

from .limits import Limit, limits_of

FRESH_SECONDS = 1.0
FAR: Final = 100_000
"""Of each second for so much room: more than processes insert in that time."""
SHARE: Final = 8
"""A count holds for one part in so many of the room that it found: for as many processes."""
CHEAP: Final = 1000
REST: Final = 10.0
"""After a count of more than ``CHEAP`` there is none for so many times as long as it took."""
MOST_KNOWN: Final = 10_000


@dataclass(slots=True)
class _Known:
    """What was counted, how long that took, and what this process has added since."""

    count: int
    counted_at: float
    seconds: float
    added: int = 0


_lock = threading.Lock()
_known: dict[tuple[str, Any], _Known] = {}


def require_capacity(queue: str, owner: Any = None) -> Sequence[LimitState]:
    """Take room for one job; return what is left of each limit.

    Args:
        queue: the job's.
        owner: its user; None for nobody's.

    Raises:
        LimitReached: a limit leaves none.
    """
    limits = limits_of(queue, owner)
    room, states = take_room(limits, 1)
    if not room:
        raise refusal(limits, states)
    return states


def take_room(limits: Sequence[Limit], wanted: int) -> tuple[int, list[LimitState]]:
    """Take room for some jobs, or for as many of them as all limits leave it.

    Returns:
        for how many there is room, and what is left of each limit after that.
    """
    for limit in limits:
        _count_if_needed(limit, wanted)
    with _lock:
        left = [_room(limit) for limit in limits]
        granted = max(0, min([wanted, *left]))
        for limit in limits:
            if limit.key in _known:
                _known[limit.key].added += granted
    return granted, [
        limit.state(max(0, room - granted)) for limit, room in zip(limits, left, strict=True)
    ]


def refusal(limits: Sequence[Limit], states: Sequence[LimitState]) -> LimitReached:
    """Return the error that says which limit is reached, and when to come back."""
    pairs = zip(limits, states, strict=True)
    limit = next(limit for limit, state in pairs if not state.remaining)
    return limit.refusal(states)


def forget_counts() -> None:
    """Forget what was counted: a test's jobs are rolled back."""
    with _lock:
        _known.clear()


def _room(limit: Limit) -> int:
    known = _known.get(limit.key)
    return limit.quota if known is None else limit.quota - known.count - known.added


def _count_if_needed(limit: Limit, wanted: int) -> None:
    began = time.monotonic()
    with _lock:
        known = _known.get(limit.key)
        if known is not None and _holds(known, limit, wanted, began):
            return
        before = 0
        if known is not None:
            before, known.counted_at = known.added, began  # others go on by what is known
    try:
        count = limit.count()
    except BaseException:
        with _lock:
            _known.pop(limit.key, None)
        raise
    with _lock:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        added = known.added - before if known is not None else 0
        _known[limit.key] = _Known(count, began, time.monotonic() - began, added)


def _holds(known: _Known, limit: Limit, wanted: int, now: float) -> bool:
    age, room = now - known.counted_at, limit.quota - known.count
    if age >= FRESH_SECONDS * max(1.0, room / FAR):
        return False
    if room <= 0 or (known.count > CHEAP and age < REST * known.seconds):
        return True
    if limit.quota <= CHEAP:
        return False
    return known.added + wanted <= max(1, room // SHARE)
