"""The task that sends an event to a webhook."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import Any, Final, NoReturn

from django.utils import timezone

from jobs.catalog.context import JobContext
from jobs.core.users import user_with_key
from jobs.errors import GiveUp, TryAgain
from jobs.models import Job, Webhook

from .events import MEDIA_TYPE
from .pauses import ATTEMPTS, pause_seconds
from .permissions import why_not_received
from .sender import sender
from .sending import Answer, NotDelivered, send
from .signing import signed_headers

TIMEOUT: Final = 60.0
"""Seconds that an attempt may take, with what it does in the database."""
GIVEN_UP_DAYS: Final = 5
"""A webhook that has failed for so long is disabled."""


class DeliveryFailed(TryAgain):
    """The receiver did not take it: it is sent again later."""

    is_expected = True


class DeliveryGivenUp(GiveUp):
    """It is not sent again."""

    is_expected = True


@sender(title="Deliver a webhook", max_attempts=ATTEMPTS, timeout=TIMEOUT)
def deliver_webhook(
    context: JobContext, webhook: str, message: str, event: dict[str, Any], forced: bool = False
) -> dict[str, Any]:
    """Send an event to a webhook.

    Args:
        context: has the number of the attempt.
        webhook: its id.
        message: the id of the event.
        event: what is sent.
        forced: even to a webhook that is disabled.

    Raises:
        DeliveryFailed: the receiver did not take it.
        DeliveryGivenUp: it is not to be sent any more.
    """
    found = Webhook.objects.filter(pk=webhook).first()
    if found is None:
        raise DeliveryGivenUp("The webhook was deleted.")
    if not found.enabled and not forced:
        raise DeliveryGivenUp(f"The webhook is disabled. {found.disabled_reason}".strip())
    if reason := why_not_received(found, user_with_key(found.owner_id)):
        found.disable(reason)
        raise DeliveryGivenUp(reason)
    body = json.dumps(event, separators=(",", ":")).encode()
    headers = {
        "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
        "User-Agent": "Jobdesk",
        **signed_headers(message, int(time.time()), body, found.secrets),
    }
    try:
        answer = send(found.url, headers, body)
    except NotDelivered as error:
        _failed(found, context, str(error), None)
    if not 200 <= answer.status < 300:
        _refused(found, context, answer)
    if found.failing_since is not None:
        Webhook.objects.filter(pk=found.pk).update(failing_since=None)
    return {"status": answer.status, "seconds": round(answer.seconds, 3), "note": answer.note}


def _refused(webhook: Webhook, context: JobContext, answer: Answer) -> NoReturn:
    what = f"It answered {_status(answer.status)}."
    if answer.status == HTTPStatus.GONE:
        webhook.disable("Its receiver has answered 410 Gone.")
        raise DeliveryGivenUp(f"{what} The webhook is disabled.")
    if 300 <= answer.status < 400:
        where = f" to {answer.location[:200]}" if answer.location else ""
        what = f"It answered {_status(answer.status)}{where}. Redirects are not followed."
    _failed(webhook, context, f"{what} {answer.note}".strip(), answer.retry_after)


def _failed(webhook: Webhook, context: JobContext, why: str, asked: float | None) -> NoReturn:
    now = timezone.now()
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    failures = Job.objects.values_list("failures", flat=True).get(pk=context.job_id) + 1
    since = webhook.failing_since
    if failures >= ATTEMPTS and since is not None and (now - since).days >= GIVEN_UP_DAYS:
        webhook.disable(f"No delivery has succeeded for {GIVEN_UP_DAYS} days.")
    raise DeliveryFailed(why, pause_seconds(failures, asked))


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
