"""Cancelling jobs and running them again, many at once, and the messages about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from jobs.core.users import user_name
from jobs.errors import NotCancellable
from jobs.lifecycle import CancelResult
from jobs.models import Job
from jobs.queries.action_messages import CHANGED, ActionOutcome, admin_message, admin_refusal
from jobs.submission import cancel_job, retry_job

MAX_JOBS = 1_000
"""Jobs that one action changes at most: the page answers within seconds, and a list is longer."""

JobAction = Callable[[Job, Any], ActionOutcome]


def cancel_one(job: Job, user: Any) -> ActionOutcome:
    """Cancel a waiting job, ask a running one to stop."""
    try:
        result = cancel_job(job.pk, by=user_name(user))
    except NotCancellable:
        return ActionOutcome.ALREADY_FINISHED
    except Job.DoesNotExist:
        return ActionOutcome.DELETED
    if result is CancelResult.CANCELLED:
        return ActionOutcome.CANCELLED
    return ActionOutcome.STOP_REQUESTED


def retry_one(job: Job, user: Any) -> ActionOutcome:
    """Put a failed or cancelled job back into its queue.

    Raises:
        NotRetryable: its status does not allow it, or its task is no longer in the code.
        NotAllowed: the user may not submit this task.
    """
    try:
        retry_job(job, user)
    except Job.DoesNotExist:
        return ActionOutcome.DELETED
    return ActionOutcome.REQUEUED


def add_messages(
    request: HttpRequest, outcomes: Counter[ActionOutcome], refusals: Counter[str]
) -> None:
    """Add one message for each kind of outcome, and one for each reason of a refusal."""
    for outcome, count in outcomes.items():
        level = messages.SUCCESS if outcome in CHANGED else messages.WARNING
        messages.add_message(request, level, admin_message(outcome, count))
    for reason, count in refusals.items():
        messages.warning(request, admin_refusal(reason, count))
