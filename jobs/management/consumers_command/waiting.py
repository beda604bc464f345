"""Waiting until consumers have done what was asked of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from django.core.management.base import CommandError

from jobs.core.formatting import pluralize
from jobs.management.base import FAILED, TIME_OUT
from jobs.management.polling import poll_until
from jobs.models import Consumer, ConsumerRequest

from .list import running_jobs


def wait_for(requested: ConsumerRequest, consumers: Sequence[uuid.UUID], seconds: float) -> None:
    """Wait until the consumers are quiet and run nothing, or have ended.

    Args:
        requested: what was asked of them, and is committed.
        consumers: their ids.
        seconds: how long at most.

    Raises:
        CommandError: the time is over, or one of them died.
    """
    rows = Consumer.objects.filter(pk__in=consumers)
    heartbeats = dict(rows.values_list("pk", "heartbeat"))
    find_busy = _not_quiet if requested is ConsumerRequest.QUIET else _not_ended
    busy: list[Consumer] = []

    def is_done() -> bool:
        nonlocal busy
        busy = find_busy(heartbeats)
        return not busy

    if not poll_until(is_done, seconds):
        left = ", ".join(map(str, busy))
        raise CommandError(
            f"After {seconds:g} s {pluralize(len(busy), 'consumer')} left: {left}. "
            "What was asked of them still holds.",
            returncode=TIME_OUT,
        )


def _not_quiet(heartbeats: Mapping[uuid.UUID, int]) -> list[Consumer]:
    rows = _living(heartbeats)
    running = running_jobs(rows)
    # A heartbeat and the claims after it are one transaction: once there is a heartbeat that was
    # committed after the request, nothing is claimed any more, and what was claimed can be seen.
    return [one for one in rows if one.heartbeat <= heartbeats[one.pk] or running[one.pk]]


def _not_ended(heartbeats: Mapping[uuid.UUID, int]) -> list[Consumer]:
    return _living(heartbeats)


def _living(heartbeats: Mapping[uuid.UUID, int]) -> list[Consumer]:
    rows = list(Consumer.objects.filter(pk__in=heartbeats))
    if dead := [str(one) for one in rows if one.dead_at is not None]:
        text = f"Declared dead meanwhile: {', '.join(dead)}. Their jobs run elsewhere."
        raise CommandError(text, returncode=FAILED)
    return rows
