"""A job is handed back at no cost when its task met an outage of the storage or the database, or a
machine with too little of something. Again and again, but not for ever."""

from __future__ import annotations

from typing import Final

from jobs.core.backoff import backoff_seconds
from jobs.lifecycle import Claim

FREE_ATTEMPTS: Final = 30
"""So many attempts cost nothing: with their pauses they last nearly two hours. Then the outage may
be no outage but wrong settings, and the job fails as others do: each attempt repeats what the task
did before."""
LONGEST_PAUSE: Final = 300.0
"""The longest pause, in seconds: so long a job may wait after all is well again."""


def may_be_handed_back(claim: Claim) -> bool:
    """Whether an attempt of which the task has begun may still cost nothing."""
    return _free_attempts(claim) <= FREE_ATTEMPTS


def hand_back_pause(claim: Claim) -> float:
    """Return how many seconds a job waits that is handed back; longer each time.

    With three attempts and the pauses between failures, a job that keeps a file would fail for good
    within ten seconds of an outage. Another consumer may have what this one has not, and this one
    is not to spend its time on failing.
    """
    return min(LONGEST_PAUSE, backoff_seconds(_free_attempts(claim)))


def _free_attempts(claim: Claim) -> int:
    # Lost attempts and those before a retry count too: a claim does not tell them apart.
    return claim.attempt - claim.failures
