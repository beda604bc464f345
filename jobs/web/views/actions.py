"""The buttons of the pages: cancel and retry, one job or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from jobs.core.users import user_name
from jobs.core.uuid7 import is_uuid
from jobs.errors import JobsError
from jobs.lifecycle import CancelResult
from jobs.models import Job
from jobs.models.job import may_see
from jobs.queries.action_messages import (
    ActionOutcome,
    history_entry,
    page_message,
    page_refusal,
)
from jobs.submission import (
    cancel_job,
    operational_errors_as_unavailable,
    record_change,
    require_change,
    retry_job,
)
from jobs.web.access import SignedIn, signed_in, visible_job

from .submit import SeeOther

MAX_JOBS: Final = 200

Action = Callable[[SignedIn, Job], ActionOutcome]


@signed_in
@require_POST
def cancel(request: SignedIn, job_id: str) -> HttpResponse:
    """Cancel a waiting job, ask a running one to stop; back to its page."""
    return _apply_to_one(request, visible_job(request, job_id), _cancel)


@signed_in
@require_POST
def retry(request: SignedIn, job_id: str) -> HttpResponse:
    """Put a failed or cancelled job back into its queue; back to its page."""
    return _apply_to_one(request, visible_job(request, job_id), _retry)


@signed_in
@require_POST
def bulk(request: SignedIn) -> HttpResponse:
    """Cancel or retry the selected jobs; back to the list, which says what happened."""
    action = {"cancel": _cancel, "retry": _retry}.get(request.POST.get("do", ""))
    ids = [text for text in request.POST.getlist("job")[:MAX_JOBS] if is_uuid(text)]
    if action is not None and ids:
        _apply_to_many(request, ids, action)
    else:
        messages.warning(
            request, "Tick the jobs first, then choose what to do with them.", fail_silently=True
        )
    return SeeOther(_back(request))


def _apply_to_one(request: SignedIn, job: Job, action: Action) -> HttpResponse:
    try:
        action(request, job)
    except JobsError as error:
        messages.warning(request, error.public, fail_silently=True)
    return SeeOther(reverse("jobs:job", args=[job.id]))


def _apply_to_many(request: SignedIn, ids: list[str], action: Action) -> None:
    outcomes, refusals = Counter[ActionOutcome](), Counter[str]()
    for job in Job.objects.filter(pk__in=ids):
        if not may_see(request.user, job.id, job.owner_id, job.task, job.queue):
            continue
        try:
            outcomes[action(request, job)] += 1
        except JobsError as error:
            refusals[error.public] += 1
    for outcome, count in outcomes.items():
        messages.success(request, page_message(outcome, count), fail_silently=True)
    for reason, count in refusals.items():
        messages.warning(request, page_refusal(reason, count), fail_silently=True)


def _cancel(request: SignedIn, job: Job) -> ActionOutcome:
    by = user_name(request.user)
    require_change(request.user, job.owner_id)
    with operational_errors_as_unavailable():
        result = cancel_job(job.id, by=by)
    is_cancelled = result is CancelResult.CANCELLED
    outcome = ActionOutcome.CANCELLED if is_cancelled else ActionOutcome.STOP_REQUESTED
    record_change(request.user, job.id, job.owner_id, "cancel", history_entry(outcome))
    return outcome


def _retry(request: SignedIn, job: Job) -> ActionOutcome:
    require_change(request.user, job.owner_id)
    with operational_errors_as_unavailable():
        retry_job(job, request.user)
    requeued = ActionOutcome.REQUEUED
    record_change(request.user, job.id, job.owner_id, "retry", history_entry(requeued))
    return requeued


def _back(request: SignedIn) -> str:
    """The address that the form came from, if it is the list's, else the list."""
    address = request.POST.get("next", "")
    jobs = reverse("jobs:list")
    allowed = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if allowed and address.startswith(jobs) else jobs
