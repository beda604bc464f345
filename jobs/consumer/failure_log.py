"""The one log record of a failed attempt: what error trackers see of it."""

from __future__ import annotations

import contextvars
import logging

from jobs.core.states import Status
from jobs.lifecycle import Outcome
from jobs.submission.attempt_errors import exception_again

from . import sentry

logger = logging.getLogger("jobs")


def log_failure_once(outcome: Outcome) -> None:
    """Log the failure of an attempt with its exception, unless that was done. Never raises.

    At ERROR when the job has failed by it, at WARNING when it is tried again. Call it once the
    outcome is certain, and not on the batch writer's thread: a handler may send mail.
    """
    if not outcome.is_failure or outcome.is_logged:
        return
    outcome.is_logged = True
    # That of the task: what it has set there (tags of a tracker, a trace) belongs to its failure.
    context, outcome.context = outcome.context or contextvars.copy_context(), None
    try:
        context.run(_log, outcome)
    except Exception:
        # A tracker's own fault: a handler of ``logging`` raises nothing, but its filters may.
        logger.exception("A failed attempt could not be reported.")


def _log(outcome: Outcome) -> None:
    claim = outcome.claim
    level = logging.ERROR if outcome.target == Status.FAILED else logging.WARNING
    if not logger.isEnabledFor(level):
        return
    error = outcome.exception
    if error is None:
        error = exception_again(outcome.error_type, outcome.message, outcome.traceback)

    def log() -> None:
        logger.log(
            level,
            "%s %s: %s in %.3f s (attempt %d%s)%s",
            claim.task,
            claim.id,
            outcome.outcome.label,
            (outcome.ended_at - claim.started_at).total_seconds(),
            claim.attempt,
            "" if level == logging.ERROR else ", it is tried again",
            f": {outcome.message.splitlines()[0][:200]}" if outcome.message.strip() else "",
            exc_info=(type(error), error, error.__traceback__),
            extra=sentry.about(claim),
        )

    sentry.report(claim, error, level, log)
