"""Jobs that are lost again and again: which of them kills its consumer?

It is not to be told from those that ran beside it, so from the seventh loss on each waits a random
while before it runs again: they part, and only who kills is there each time. That one is charged.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from jobs.core.backoff import backoff_seconds
from jobs.core.states import AttemptOutcome
from jobs.models import Attempt, Job

FREE_LOSSES: Final = 10
"""So many losses in a row cost a job nothing: far more than chance deals out to one job."""
PROMPT_LOSSES: Final = 6
"""After so many it runs again at once."""
LONGEST_PAUSE: Final = 5
"""The pauses double so many times, to 32 s."""


def find_poison_job(held: Collection[Job]) -> Job | None:
    """Of the jobs that were lost together, the one that has killed their consumer.

    It has been lost many times in a row, and more often than any of the others.
    """
    by_losses = sorted(held, key=_times_lost, reverse=True)
    if not by_losses or by_losses[0].lost_count < FREE_LOSSES:
        return None
    worst, *others = by_losses
    if others and _times_lost(others[0]) == _times_lost(worst):
        return None  # after the next pauses one of them will be ahead
    ended = Attempt.objects.filter(job=worst).exclude(outcome=AttemptOutcome.RELEASED)
    last = ended.order_by("-number").values_list("outcome", flat=True)[:FREE_LOSSES]
    return worst if set(last) <= {AttemptOutcome.LOST, AttemptOutcome.DIED} else None


def _times_lost(job: Job) -> int:
    return job.lost_count + job.failures  # a loss that was charged is a failure


def pause_after_losses(losses: int) -> float:
    """Return how many seconds a job waits that was lost so many times."""
    often = losses - PROMPT_LOSSES
    return backoff_seconds(min(often, LONGEST_PAUSE)) if often > 0 else 0.0
