"""What a consumer logs of the jobs that ended."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence

from jobs.core.states import AttemptOutcome
from jobs.lifecycle import Outcome

from .attempt import Attempt

logger = logging.getLogger("jobs")

EACH = 10
"""With more successes than these in one transaction, a task gets a line for all of them: to write
a line takes longer than to run a short job, and nobody reads a thousand a second."""


def log_finished(
    ended: Sequence[tuple[Attempt, Outcome]], late: Collection[tuple[uuid.UUID, int]]
) -> None:
    """Log a line for each job, or for many that went well together."""
    well: dict[str, list[float]] = defaultdict(list)
    together = len(ended) > EACH
    for attempt, outcome in ended:
        if (outcome.claim.id, outcome.claim.attempt) in late:
            _tell_late(outcome)
        elif together and outcome.outcome == AttemptOutcome.SUCCEEDED:
            well[outcome.claim.task].append(attempt.seconds)
        else:
            _tell_one(attempt, outcome)
    for task, seconds in well.items():
        logger.info("%s: %d done, in %.3f s at most", task, len(seconds), max(seconds))


def _tell_one(attempt: Attempt, outcome: Outcome) -> None:
    logger.info(
        "%s %s: %s in %.3f s (attempt %d)%s",
        outcome.claim.task,
        outcome.claim.id,
        outcome.outcome.label,
        attempt.seconds,
        outcome.claim.attempt,
        f": {outcome.message.splitlines()[0][:200]}" if outcome.message.strip() else "",
    )


def _tell_late(outcome: Outcome) -> None:
    logger.warning(
        "%s %s: attempt %d came back after it was given up; nothing was changed",
        outcome.claim.task,
        outcome.claim.id,
        outcome.claim.attempt,
    )
