"""One's own webhooks: a list with a form, and a page for each with what was sent to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs.core.rendering import render
from jobs.core.users import user_name
from jobs.errors import Conflict, InvalidOptions, NotAllowed
from jobs.models import Webhook
from jobs.web.access import SignedIn, message_page, signed_in
from jobs.web.forms.webhook_form import WebhookForm
from jobs.webhooks.changing import (
    change_webhook,
    create_webhook,
    delete_webhook,
    redeliver,
    require_webhooks,
    rotate_secret,
    send_test,
)
from jobs.webhooks.listing import (
    attempts_of,
    deliveries_of,
    next_attempt,
    own_delivery,
    own_webhook,
    webhooks_of,
)

from .submit import SeeOther

LAST: Final = 50
"""Deliveries on the page of a webhook; the API has all."""

Change = Callable[[Webhook], None]


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: SignedIn) -> HttpResponse:
    """Show this user's webhooks and a form for another, or make it."""
    try:
        require_webhooks()
    except NotAllowed as error:
        return message_page(request, 403, "There are no webhooks here", str(error))
    if request.method != "POST":
        return _list(request, WebhookForm(request.user))
    form = WebhookForm(request.user, request.POST)
    if form.is_valid():
        site = request.build_absolute_uri(reverse("jobs:home"))
        try:
            made = create_webhook(request.user, site, form.cleaned_data)
        except InvalidOptions as error:
            form.add_errors(error)
        except (Conflict, NotAllowed) as error:
            form.add_error(None, str(error))
        else:
            return _page(request, made, 201, secret=made.secret)
    return _list(request, form, 422)


@signed_in
@require_safe
def webhook(request: SignedIn, webhook_id: str) -> HttpResponse:
    """Show a webhook and what was sent to it last."""
    found = own_webhook(request.user, webhook_id)
    return _no_such_webhook(request) if found is None else _page(request, found)


@signed_in
@require_POST
def change(request: SignedIn, webhook_id: str) -> HttpResponse:
    """Do what a button says; back to the webhook's page."""
    found = own_webhook(request.user, webhook_id)
    if found is None:
        return _no_such_webhook(request)
    what = request.POST.get("do", "")
    if what == "rotate":
        rotate_secret(found)
        return _page(request, found, secret=found.secret)
    if what == "delete":
        delete_webhook(found)
        messages.success(request, "The webhook is deleted.", fail_silently=True)
        return SeeOther(reverse("jobs:webhooks"))
    action = _CHANGES.get(what)
    if action is not None:
        _try(request, lambda: action(found))
    return SeeOther(reverse("jobs:webhook", args=[found.pk]))


@signed_in
@require_POST
def send_again(request: SignedIn, webhook_id: str, delivery_id: str) -> HttpResponse:
    """Send an event again; back to the webhook's page."""
    found = own_webhook(request.user, webhook_id)
    delivery = None if found is None else own_delivery(found, delivery_id)
    if delivery is None:
        return _no_such_webhook(request)
    _try(request, lambda: redeliver(delivery, user_name(request.user)))
    return SeeOther(reverse("jobs:webhook", args=[webhook_id]))


def _test(found: Webhook) -> None:
    send_test(found)


_CHANGES: Final[Mapping[str, Change]] = {
    "test": _test,
    "enable": lambda found: change_webhook(found, {"enabled": True}),
    "disable": lambda found: change_webhook(found, {"enabled": False}),
}


def _try(request: SignedIn, action: Callable[[], object]) -> None:
    try:
        action()
    except Conflict as error:
        messages.warning(request, str(error), fail_silently=True)


def _list(request: SignedIn, form: WebhookForm, status: int = 200) -> HttpResponse:
    context = {"webhooks": list(webhooks_of(request.user)), "form": form, "section": "webhooks"}
    return render(request, "jobs/webhooks.html", context, status=status)


def _page(
    request: SignedIn, found: Webhook, status: int = 200, *, secret: str = ""
) -> HttpResponse:
    deliveries: list[dict[str, Any]] = [
        {"row": one, "attempts": attempts_of(one.job), "next": next_attempt(one.job)}
        for one in deliveries_of(found)[:LAST]
    ]
    context = {
        "webhook": found,
        "secret": secret,
        "deliveries": deliveries,
        "section": "webhooks",
    }
    response = render(request, "jobs/webhook.html", context, status=status)
    if secret:
        response.headers["Cache-Control"] = "no-store"
    return response


def _no_such_webhook(request: SignedIn) -> HttpResponse:
    why = "It was deleted, or it is somebody else's."
    return message_page(request, 404, "There is no such webhook", why)
