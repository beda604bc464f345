"""Cancelling and running again, for many jobs at once, and what became of it in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from jobs import lifecycle
from jobs.core.formatting import pluralize
from jobs.errors import NotAllowed, NotCancellable, NotRetryable
from jobs.lifecycle import CancelResult
from jobs.models import Job
from jobs.submission import retry_job

MOST = 1_000
"""So many jobs at a time: a page answers within seconds, and the lists are longer than that."""

JobAction = Callable[[Job, Any], str]

CANCELLED, ASKED, FINISHED = "cancelled", "asked", "finished"
AGAIN, GONE = "again", "gone"
DONE = {CANCELLED: "Cancelled", ASKED: "Asked to stop", AGAIN: "Run again"}
"""The outcomes that changed a job, as its history tells them."""


def cancel_one(job: Job, user: Any) -> str:
    """Cancel a job; return which of ``CANCELLED``, ``ASKED``, ``FINISHED``, ``GONE`` it was."""
    try:
        answer = lifecycle.cancel_job(job.pk, by=user.get_username())
    except NotCancellable:
        return FINISHED
    except Job.DoesNotExist:
        return GONE
    return CANCELLED if answer is CancelResult.CANCELLED else ASKED


def retry_one(job: Job, user: Any) -> str:
    """Run a job again; return ``AGAIN``, ``GONE``, or a sentence that says why not."""
    try:
        retry_job(job, user)
    except (NotRetryable, NotAllowed) as error:
        return str(error)
    except Job.DoesNotExist:
        return GONE
    return AGAIN


def tell(request: HttpRequest, became: Counter[str]) -> None:
    """Say what became of the jobs: one message for each kind of outcome."""
    for outcome, count in became.items():
        level, sentence = _sentence(outcome, pluralize(count, "job"), many=count > 1)
        messages.add_message(request, level, sentence)


def _sentence(outcome: str, jobs: str, *, many: bool) -> tuple[int, str]:
    was, has = ("were", "have") if many else ("was", "has")
    told = {
        CANCELLED: (messages.SUCCESS, f"{jobs} {was} cancelled."),
        ASKED: (messages.SUCCESS, f"{jobs} {was} running and {was} asked to stop."),
        FINISHED: (messages.WARNING, f"{jobs} {has} finished and cannot be cancelled."),
        AGAIN: (messages.SUCCESS, f"{jobs} {was} put back into the queue."),
        GONE: (messages.WARNING, f"{jobs} {was} deleted in the meantime."),
    }
    return told.get(outcome, (messages.WARNING, f"{jobs} {was} not run again: {outcome}"))
