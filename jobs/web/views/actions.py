"""What the buttons do: cancel and retry, one job or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from jobs import lifecycle
from jobs.core.formatting import pluralize
from jobs.core.uuid7 import is_uuid
from jobs.errors import JobsError
from jobs.lifecycle import CancelResult
from jobs.models import Job
from jobs.submission import operational_errors_as_unavailable, retry_job
from jobs.web.access import SignedIn, signed_in, visible_job

from .submit import SeeOther

MOST: Final = 200


@signed_in
@require_POST
def cancel(request: SignedIn, job_id: str) -> HttpResponse:
    """Cancel a waiting job, ask a running one to stop; back to its page."""
    return _one(request, visible_job(request, job_id), _cancel)


@signed_in
@require_POST
def retry(request: SignedIn, job_id: str) -> HttpResponse:
    """Put a failed or cancelled job back into its queue; back to its page."""
    return _one(request, visible_job(request, job_id), _retry)


@signed_in
@require_POST
def bulk(request: SignedIn) -> HttpResponse:
    """Cancel or retry the jobs that were ticked; back to the list, which says what happened."""
    action = {"cancel": _cancel, "retry": _retry}.get(request.POST.get("do", ""))
    wanted = [one for one in request.POST.getlist("job")[:MOST] if is_uuid(one)]
    if action is not None and wanted:
        _many(request, wanted, action)
    else:
        messages.warning(request, "Tick the jobs first, then choose what to do with them.")
    return SeeOther(_back(request))


def _one(request: SignedIn, job: Job, action: Callable[[SignedIn, Job], str]) -> HttpResponse:
    try:
        action(request, job)
    except JobsError as error:
        messages.warning(request, str(error))
    return SeeOther(reverse("jobs:job", args=[job.id]))


def _many(request: SignedIn, wanted: list[str], action: Callable[[SignedIn, Job], str]) -> None:
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for job in Job.objects.visible_to(request.user).filter(pk__in=wanted):
        try:
            done[action(request, job)] += 1
        except JobsError as error:
            refused[str(error)] += 1
    for said, count in done.items():
        messages.success(request, f"{pluralize(count, 'job')} {said}.")
    for why, count in refused.items():
        messages.warning(request, f"{pluralize(count, 'job')} left as it was: {why}")


def _cancel(request: SignedIn, job: Job) -> str:
    by = request.user.get_username()
    with operational_errors_as_unavailable():
        answer = lifecycle.cancel_job(job.id, by=by)
    return "cancelled" if answer is CancelResult.CANCELLED else "asked to stop"


def _retry(request: SignedIn, job: Job) -> str:
    with operational_errors_as_unavailable():
        retry_job(job, request.user)
    return "back in the queue"


def _back(request: SignedIn) -> str:
    """The list as it was, if that is where the form says it came from."""
    asked = request.POST.get("next", "")
    home = reverse("jobs:list")
    allowed = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if allowed and asked.startswith(home) else home
