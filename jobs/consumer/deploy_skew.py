"""Old and new code side by side: older code must not fail a job that newer code submitted."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils import timezone

from jobs.core.uuid7 import uuid7_time
from jobs.lifecycle import Outcome

from .outcomes import released

MAX_ATTEMPTS: Final = 30
LONGEST_PAUSE: Final = 20.0

_started_at: Final[datetime] = timezone.now()


def release_if_newer_code(outcome: Outcome) -> Outcome:
    """Return the outcome, or a release when newer code may be able to begin the job.

    A job that was submitted after this process had loaded its code may come from a newer version
    of it (a rolling deploy). It waits a little for a consumer that knows its task; after some ten
    minutes it fails, and its error says what does not fit. An older job fails at once.
    """
    claim = outcome.claim
    submitted_at = uuid7_time(claim.id)
    if not outcome.cannot_begin or submitted_at is None or submitted_at < _started_at:
        return outcome
    if claim.attempt > MAX_ATTEMPTS:
        return outcome
    return released(
        claim,
        f"this consumer may have older code ({outcome.message})",
        pause=min(LONGEST_PAUSE, 0.5 * 2.0 ** min(claim.attempt, 10)),
    )
