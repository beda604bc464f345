"""What a consumer logs about the jobs that ended."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence

from jobs.core.states import AttemptOutcome
from jobs.lifecycle import Outcome

from .attempt import Attempt

logger = logging.getLogger("jobs")

MAX_LINES = 10
"""When more jobs than this end in one transaction, the successes of a task share a line: to write
a line takes longer than to run a short job, and nobody reads a thousand a second."""


def log_finished(
    ended: Sequence[tuple[Attempt, Outcome]], superseded: Collection[tuple[uuid.UUID, int]]
) -> None:
    """Log a line for each job that has not failed, or one for many successes of a task.

    Args:
        superseded: the job and attempt of each outcome that changed nothing, because another
            consumer had the job by then.
    """
    succeeded: dict[str, list[float]] = defaultdict(list)
    shared = len(ended) > MAX_LINES
    for attempt, outcome in ended:
        if (outcome.claim.id, outcome.claim.attempt) in superseded:
            _log_superseded(outcome)
        elif outcome.is_failure:
            continue  # it has a record of its own (``failure_log``)
        elif shared and outcome.outcome == AttemptOutcome.SUCCEEDED:
            succeeded[outcome.claim.task].append(attempt.seconds)
        else:
            _log_outcome(attempt, outcome)
    for task, seconds in succeeded.items():
        logger.info("%s: %d done, in %.3f s at most", task, len(seconds), max(seconds))


def _log_outcome(attempt: Attempt, outcome: Outcome) -> None:
    logger.info(
        "%s %s: %s in %.3f s (attempt %d)%s",
        outcome.claim.task,
        outcome.claim.id,
        outcome.outcome.label,
        attempt.seconds,
        outcome.claim.attempt,
        f": {outcome.message.splitlines()[0][:200]}" if outcome.message.strip() else "",
        extra=_request(outcome),
    )


def _log_superseded(outcome: Outcome) -> None:
    logger.warning(
        "%s %s: attempt %d came back after it was given up; nothing was changed",
        outcome.claim.task,
        outcome.claim.id,
        outcome.claim.attempt,
        extra=_request(outcome),
    )


def _request(outcome: Outcome) -> dict[str, str] | None:
    """What says in which request the job was submitted, as a record has it."""
    found = outcome.claim.request_id
    return None if found is None else {"request_id": found}
