"""What was sent to a webhook: the list with its attempts, a test, and sending again."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.exception_handlers import invalid
from jobs.api.operations import Operation, Response, query
from jobs.api.page_size import page_size
from jobs.api.problems import CONFLICT, INVALID, NOT_FOUND, ApiError
from jobs.api.responses import JsonResponse, api_url
from jobs.core.users import user_name
from jobs.core.uuid7 import is_uuid
from jobs.models import Webhook, WebhookDelivery
from jobs.queries.job_fields import utc_text
from jobs.webhooks.changing import redeliver, send_test
from jobs.webhooks.listing import attempts_of, deliveries_of, next_attempt, own_delivery

from .webhooks import required_webhook

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200


@Operation(
    "listDeliveries",
    [Response(200, "DeliveryList", "Link")],
    [
        query(
            "limit",
            f"Deliveries on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
        ),
        query("cursor", "Where the page begins; `Link` gives it."),
    ],
    problems=[INVALID],
    tag="webhooks",
    is_of_all_jobs=True,
)
def list_deliveries(request: HttpRequest, caller: Caller, webhook_id: str) -> JsonResponse:
    """List what was sent to a webhook, newest first, with each attempt.

    Follow the ``Link`` with ``rel="next"``.
    """
    webhook = required_webhook(caller, webhook_id)
    limit = page_size(request, DEFAULT_LIMIT, MAX_LIMIT)
    rows = deliveries_of(webhook)
    if cursor := request.GET.get("cursor"):
        if not is_uuid(cursor):
            raise invalid("/cursor", "This is no cursor; follow the Link of the page before.")
        rows = rows.filter(job_id__lt=cursor)
    found = list(rows[: limit + 1])
    page = found[:limit]
    body: schemas.DeliveryList = {"items": [delivery_json(one, webhook) for one in page]}
    headers = {}
    if len(found) > limit:
        more = request.GET.copy()
        more["cursor"] = str(page[-1].pk)
        headers["Link"] = f'<{request.path}?{more.urlencode()}>; rel="next"'
    return JsonResponse(body, 200, headers)


@Operation(
    "testWebhook",
    [Response(202, "Delivery")],
    problems=[CONFLICT],
    tag="webhooks",
    is_of_all_jobs=True,
)
def post_test(request: HttpRequest, caller: Caller, webhook_id: str) -> JsonResponse:
    """Send a test.

    An event of the type ``webhook.test``, also to a webhook that is disabled. The list of
    deliveries says what was answered.
    """
    webhook = required_webhook(caller, webhook_id)
    return JsonResponse(delivery_json(send_test(webhook), webhook), 202)


@Operation(
    "redeliver",
    [Response(202, "Delivery")],
    problems=[CONFLICT],
    tag="webhooks",
    is_of_all_jobs=True,
)
def post_redeliver(
    request: HttpRequest, caller: Caller, webhook_id: str, delivery_id: str
) -> JsonResponse:
    """Send an event again, at once.

    The ``webhook-id`` stays the same. A delivery that waits for its next attempt is cancelled: the
    new one takes its place.
    """
    webhook = required_webhook(caller, webhook_id)
    delivery = own_delivery(webhook, delivery_id)
    if delivery is None:
        raise ApiError(NOT_FOUND, "There is no such delivery.")
    again = redeliver(delivery, user_name(caller.user))
    return JsonResponse(delivery_json(again, webhook), 202)


def delivery_json(delivery: WebhookDelivery, webhook: Webhook) -> schemas.Delivery:
    """Return a delivery as the API shows it."""
    job, subject = delivery.job, delivery.subject
    due = next_attempt(job)
    return {
        "id": str(delivery.pk),
        "message_id": str(delivery.message),
        "event": delivery.event,
        "status": job.status,  # type: ignore[typeddict-item]
        "created_at": utc_text(job.created_at),
        "next_attempt_at": None if due is None else utc_text(due),
        "attempts": [
            {
                "number": one.number,
                "started_at": None if one.started_at is None else utc_text(one.started_at),
                "ended_at": utc_text(one.ended_at),
                "outcome": one.outcome,
                "detail": one.detail,
            }
            for one in attempts_of(job)
        ],
        "links": {
            "redeliver": api_url("redeliver", webhook_id=webhook.pk, delivery_id=delivery.pk),
            "job": None if subject is None else api_url("job", job_id=subject),
        },
    }
