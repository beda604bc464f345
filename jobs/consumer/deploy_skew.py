"""Code of two versions side by side: a job of the newer is not for the older to fail."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils import timezone

from jobs.core.uuid7 import uuid7_time
from jobs.lifecycle import Claim

from .result import Answer, released

MOST_TIMES: Final = 30
LONGEST_PAUSE: Final = 20.0

_started: Final[datetime] = timezone.now()


def release_if_newer_code(answer: Answer, claim: Claim) -> Answer:
    """Return the answer, or a hand-back when a newer code may know better.

    A job that was recorded after this process had loaded its code may come from a newer version
    of it (a rolling deploy). It waits a little for a consumer that knows its task; after some ten
    minutes it fails, saying what does not fit. An older job fails at once.
    """
    recorded = uuid7_time(claim.id)
    if not answer.unfit or recorded is None or recorded < _started:
        return answer
    if claim.attempt > MOST_TIMES:
        return answer
    return released(
        f"this consumer may have older code ({answer.message})",
        pause=min(LONGEST_PAUSE, 0.5 * 2.0 ** min(claim.attempt, 10)),
    )
