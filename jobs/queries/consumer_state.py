"""The state of a consumer process, in a word or two for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from jobs.conf import get_conf
from jobs.core.formatting import duration
from jobs.models import Consumer, ConsumerRequest

ALIVE: Final = "alive"
_REQUESTED: Final = {ConsumerRequest.QUIET: "quiet", ConsumerRequest.STOP: "stopping"}


def state_of(consumer: Consumer, now: datetime) -> str:
    """Return the state: declared dead, silent for longer than the lease, or alive.

    A living one may be quiet or stopping: within a heartbeat of the request it takes nothing new.
    """
    if consumer.dead_at is not None:
        return "dead"
    silence = now - consumer.heartbeat_at
    if silence > timedelta(seconds=get_conf().lease_seconds):
        return f"silent for {duration(silence.total_seconds())}"
    return _REQUESTED.get(ConsumerRequest(consumer.requested), ALIVE)
