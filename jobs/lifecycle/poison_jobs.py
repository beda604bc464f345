"""Poison-job detection: which of the jobs that were lost together kills its consumer?

When a consumer dies, every job that ran on it looks equally guilty. So from the seventh loss on
each suspect is requeued after a pause with jitter: the suspects then run on different consumers,
and only the poison job is present at every crash. That job alone is charged with a failure.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from jobs.core.backoff import backoff_seconds
from jobs.core.states import AttemptOutcome
from jobs.models import Attempt, Job

FREE_LOSSES: Final = 10
"""A job may be lost this many times in a row at no cost: far more often than happens by chance."""
PROMPT_LOSSES: Final = 6
"""A job that was lost this many times or fewer runs again at once."""
MAX_DOUBLINGS: Final = 5
"""After further losses it waits, twice as long each time, up to 32 s."""


def find_poison_job(lost_jobs: Collection[Job]) -> Job | None:
    """Return the poison job among the jobs that were lost together, or None.

    It has been lost more than ``FREE_LOSSES`` times in a row, and more often than any other.

    Args:
        lost_jobs: the jobs that one dead consumer was running.
    """
    by_lost_count = sorted(lost_jobs, key=_times_lost, reverse=True)
    if not by_lost_count or by_lost_count[0].lost_count < FREE_LOSSES:
        return None
    worst, *others = by_lost_count
    if others and _times_lost(others[0]) == _times_lost(worst):
        return None  # after the next pauses one of them will have been lost more often
    ended = Attempt.objects.filter(job=worst).exclude(outcome=AttemptOutcome.RELEASED)
    last = ended.order_by("-number").values_list("outcome", flat=True)[:FREE_LOSSES]
    return worst if set(last) <= {AttemptOutcome.LOST, AttemptOutcome.DIED} else None


def _times_lost(job: Job) -> int:
    return job.lost_count + job.failures  # a loss that was charged counts as a failure


def requeue_pause(lost_count: int) -> float:
    """Return the pause in seconds before a job runs again that was lost ``lost_count`` times."""
    doublings = lost_count - PROMPT_LOSSES
    return backoff_seconds(min(doublings, MAX_DOUBLINGS)) if doublings > 0 else 0.0
