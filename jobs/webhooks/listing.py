"""One's own webhooks, and what was sent to them: for the API and the page."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Prefetch, QuerySet

from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import is_uuid
from jobs.models import Attempt, Job, Webhook, WebhookDelivery

_COLUMNS = ("status", "run_after", "created_at", "result", "kwargs")


class ShownAttempt(NamedTuple):
    """An attempt to send an event; ``detail`` says what was answered, or why nothing was."""

    number: int
    started_at: datetime | None
    ended_at: datetime
    outcome: str
    detail: str


def webhooks_of(user: Any) -> QuerySet[Webhook]:
    """Return a user's webhooks, newest first."""
    return Webhook.objects.filter(owner_id=user.pk).order_by("-id")


def own_webhook(user: Any, key: str) -> Webhook | None:
    """Return a user's webhook with this id; None for none, or somebody else's."""
    return webhooks_of(user).filter(pk=key).first() if is_uuid(key) else None


def deliveries_of(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """Return what was sent to a webhook, newest first, with its jobs and their attempts."""
    attempts = Attempt.objects.defer("traceback").order_by("number")
    return (
        WebhookDelivery.objects.filter(webhook=webhook)
        .select_related("job")
        .only("message", "event", "subject", "webhook_id", *(f"job__{one}" for one in _COLUMNS))
        .prefetch_related(Prefetch("job__attempts", queryset=attempts))
        .order_by("-job_id")
    )


def own_delivery(webhook: Webhook, key: str) -> WebhookDelivery | None:
    """Return a delivery of a webhook by its id; None for none."""
    if not is_uuid(key):
        return None
    found = WebhookDelivery.objects.filter(webhook=webhook, pk=uuid.UUID(key))
    return found.select_related("job", "webhook").first()


def attempts_of(job: Job) -> Sequence[ShownAttempt]:
    """Return the attempts of a delivery, the oldest first."""
    return [_shown(one, job) for one in job.attempts.all()]


def next_attempt(job: Job) -> datetime | None:
    """Return when a delivery is tried again, None when it is not, or at once."""
    return job.run_after if job.status == Status.SCHEDULED else None


def _shown(attempt: Attempt, job: Job) -> ShownAttempt:
    detail = attempt.message
    if attempt.outcome == AttemptOutcome.SUCCEEDED and isinstance(job.result, dict):
        answer = job.result
        detail = f"It answered {answer['status']} within {answer['seconds']:.3f} s."
        detail = f"{detail} {answer['note']}".strip()
    started, ended = attempt.started_at, attempt.ended_at
    return ShownAttempt(attempt.number, started, ended, attempt.outcome, detail)
