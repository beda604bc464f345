"""``/webhooks``: one's own webhooks."""

from __future__ import annotations

from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel, ValidationError

from jobs.api import schemas
from jobs.api.auth import Caller
from jobs.api.json_schema import ref
from jobs.api.operations import Operation, Response
from jobs.api.problems import CONFLICT, FORBIDDEN, INVALID, NOT_FOUND, ApiError
from jobs.api.request_body import read_json
from jobs.api.responses import JSON, JsonResponse, api_url
from jobs.api.serializers import root
from jobs.catalog.signature import field_errors
from jobs.conf import get_conf
from jobs.errors import InvalidOptions
from jobs.models import Webhook
from jobs.queries.job_fields import utc_text
from jobs.webhooks.changing import (
    change_webhook,
    create_webhook,
    delete_webhook,
    require_webhooks,
    rotate_secret,
)
from jobs.webhooks.listing import own_webhook, webhooks_of

Body = TypeVar("Body", bound=BaseModel)


@Operation(
    "createWebhook",
    [Response(201, "WebhookWithSecret", "Location")],
    problems=[FORBIDDEN, CONFLICT, INVALID],
    body=JSON,
    body_schema=ref("WebhookSubmission"),
    tag="webhooks",
    is_of_all_jobs=True,
    curl="""-H "Content-Type: application/json" \\
  -d '{"url": "https://example.org/hook", "events": ["job.succeeded", "job.failed"]}' $URL""",
)
def post_webhook(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Have an address told when jobs end.

    From now on each ending of one's jobs is sent there once, signed as Standard Webhooks has it.
    The ``secret`` in the answer is shown this once.
    """
    require_webhooks()
    asked = _body(request, schemas.WebhookSubmission)
    webhook = create_webhook(caller.user, site_of(request), asked)
    body = with_secret(webhook)
    return JsonResponse(body, 201, {"Location": body["links"]["self"]})


@Operation("listWebhooks", [Response(200, "WebhookList")], tag="webhooks", is_of_all_jobs=True)
def list_webhooks(request: HttpRequest, caller: Caller) -> JsonResponse:
    """List one's webhooks, newest first."""
    body: schemas.WebhookList = {"items": [webhook_json(one) for one in webhooks_of(caller.user)]}
    return JsonResponse(body)


@Operation("getWebhook", [Response(200, "Webhook")], tag="webhooks", is_of_all_jobs=True)
def get_webhook(request: HttpRequest, caller: Caller, webhook_id: str) -> JsonResponse:
    """Get a webhook of one's own."""
    return JsonResponse(webhook_json(required_webhook(caller, webhook_id)))


@Operation(
    "changeWebhook",
    [Response(200, "Webhook")],
    problems=[INVALID],
    body=JSON,
    body_schema=ref("WebhookChange"),
    example={"enabled": False},
    tag="webhooks",
    is_of_all_jobs=True,
    curl="""-H "Content-Type: application/json" -d '{"enabled": false}' $URL""",
)
def patch_webhook(request: HttpRequest, caller: Caller, webhook_id: str) -> JsonResponse:
    """Change a webhook.

    What is left out stays as it is. One that is enabled again is told of what ends from then on.
    """
    webhook = required_webhook(caller, webhook_id)
    change_webhook(webhook, _body(request, schemas.WebhookChange))
    return JsonResponse(webhook_json(webhook))


@Operation("deleteWebhook", [Response(204)], tag="webhooks", is_of_all_jobs=True)
def delete_one_webhook(request: HttpRequest, caller: Caller, webhook_id: str) -> HttpResponse:
    """Delete a webhook.

    What was not sent yet is not sent, and the list of its deliveries goes with it.
    """
    delete_webhook(required_webhook(caller, webhook_id))
    response = HttpResponse(status=204)
    del response.headers["Content-Type"]
    return response


@Operation(
    "rotateWebhookSecret", [Response(200, "WebhookWithSecret")], tag="webhooks", is_of_all_jobs=True
)
def post_rotate_secret(request: HttpRequest, caller: Caller, webhook_id: str) -> JsonResponse:
    """Get a new secret.

    For a day deliveries are signed with the old one as well, so that no receiver misses anything.
    """
    webhook = required_webhook(caller, webhook_id)
    rotate_secret(webhook)
    return JsonResponse(with_secret(webhook))


def required_webhook(caller: Caller, webhook_id: str) -> Webhook:
    """Return a webhook of the caller's own.

    Raises:
        ApiError: 404, it is missing or somebody else's.
    """
    webhook = own_webhook(caller.user, webhook_id)
    if webhook is None:
        raise ApiError(NOT_FOUND, "There is no such webhook.")
    return webhook


def webhook_json(webhook: Webhook) -> schemas.Webhook:
    """Return a webhook as the API shows it: without its secret."""
    failing = webhook.failing_since
    return {
        "id": str(webhook.pk),
        "url": webhook.url,
        "events": webhook.events,
        "task": webhook.task or None,
        "everyone": webhook.everyone,
        "enabled": webhook.enabled,
        "disabled_reason": webhook.disabled_reason or None,
        "failing_since": None if failing is None else utc_text(failing),
        "created_at": utc_text(webhook.created_at),
        "links": {
            "self": _address("webhook", webhook),
            "test": _address("webhook-test", webhook),
            "rotate": _address("webhook-rotate", webhook),
            "deliveries": _address("deliveries", webhook),
        },
    }


def with_secret(webhook: Webhook) -> schemas.WebhookWithSecret:
    """Return a webhook with its secret."""
    return {**webhook_json(webhook), "secret": webhook.secret}


def site_of(request: HttpRequest) -> str:
    """Return the address below which everything is mounted, as this client has reached it."""
    return request.build_absolute_uri(root())


def _address(name: str, webhook: Webhook) -> str:
    return api_url(name, webhook_id=webhook.pk)


def _body(request: HttpRequest, model: type[Body]) -> dict[str, Any]:
    """The members that were sent.

    Raises:
        InvalidOptions: one does not fit.
    """
    raw = read_json(request, get_conf().max_body, nested_at="")
    if not isinstance(raw, dict):
        raise InvalidOptions([{"pointer": "", "detail": "Send a JSON object."}])
    try:
        return model.model_validate(raw).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InvalidOptions(field_errors(error, raw)) from error
