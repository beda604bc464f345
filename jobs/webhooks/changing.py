"""Making and changing webhooks, trying them, and sending something again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.catalog import find_task
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.jsonutils import clean
from jobs.core.states import UNFINISHED, Status
from jobs.core.uuid7 import uuid7
from jobs.errors import Conflict, FieldError, InvalidOptions, NotAllowed, shorten
from jobs.feed.clock import EVERYTHING, complete_below, newest_position
from jobs.models import FollowedEndings, Webhook, WebhookDelivery
from jobs.models.webhook import new_secret

from .addresses import checked_url, is_possible
from .events import EVENTS, TEST, test_event
from .outbox import Delivery, insert_deliveries
from .permissions import PERMISSION, may_have_everyones

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

OFF: Final = "Webhooks are switched off on this site."
NOT_INSTALLED: Final = (
    "Webhooks need the package httpx, which is not installed here: pip install 'jobdesk[webhooks]'."
)


def create_webhook(owner: AbstractBaseUser, site: str, asked: Mapping[str, Any]) -> Webhook:
    """Make a webhook; its secret is to be shown now, and never again.

    Args:
        owner: whose jobs it is told of.
        site: the address below which everything is mounted, as its owner reached it.
        asked: ``url`` and ``events``, perhaps ``task`` and ``everyone``.

    Raises:
        InvalidOptions: something does not fit.
        NotAllowed: webhooks are switched off, or the owner may not see everyone's jobs.
        Conflict: the owner has as many as one user may have.
        Unavailable: the results feed cannot be read yet.
    """
    everyone = bool(asked.get("everyone"))
    require_webhooks()
    if everyone and not may_have_everyones(owner):
        raise NotAllowed(
            f"Webhooks for everyone's jobs are for staff with the permission {PERMISSION!r}."
        )
    values = _checked({"task": None, **asked})
    since = _now()
    with transaction.atomic(using=connection().alias):
        _lock()
        most = get_conf().user_max_webhooks
        if Webhook.objects.filter(owner_id=owner.pk).count() >= most:
            raise Conflict(f"You have {most:,} webhooks, as many as one user may have. Delete one.")
        return Webhook.objects.create(
            owner_id=owner.pk, everyone=everyone, site=site, since_position=since, **values
        )


def require_webhooks() -> None:
    """Check that this site has webhooks.

    Raises:
        NotAllowed: it has none.
    """
    if not get_conf().webhook_schemes:
        raise NotAllowed(OFF)
    if not is_possible():
        raise NotAllowed(NOT_INSTALLED)


def change_webhook(webhook: Webhook, asked: Mapping[str, Any]) -> None:
    """Change some of ``url``, ``events``, ``task`` and ``enabled``.

    One that is enabled again is told of what ends from then on.

    Raises:
        InvalidOptions: something does not fit.
        Unavailable: the results feed cannot be read yet.
    """
    given = {name: value for name, value in asked.items() if name != "enabled"}
    values = _checked(given)
    enabled = asked.get("enabled")
    if enabled is not None and enabled != webhook.enabled:
        values |= {"enabled": enabled, "disabled_reason": "", "failing_since": None}
        if enabled:
            values["since_position"] = _now()
    if values:
        Webhook.objects.filter(pk=webhook.pk).update(**values)
        webhook.refresh_from_db()


def rotate_secret(webhook: Webhook) -> None:
    """Give a webhook a new secret; for a day what is sent is signed with the one before as well."""
    webhook.old_secret, webhook.secret = webhook.secret, new_secret()
    webhook.rotated_at = timezone.now()
    webhook.save(update_fields=["secret", "old_secret", "rotated_at"])


def delete_webhook(webhook: Webhook) -> None:
    """Delete a webhook and the list of its deliveries; what was not sent yet is not sent."""
    with transaction.atomic(using=connection().alias):
        deliveries = WebhookDelivery.objects.filter(webhook=webhook)
        deliveries._raw_delete(deliveries.db)
        webhook.delete()


def send_test(webhook: Webhook) -> WebhookDelivery:
    """Send an event of the type ``webhook.test``, whether the webhook is enabled or not.

    Raises:
        Conflict: the last test is not finished.
    """
    key = uuid7()
    with transaction.atomic(using=connection().alias):
        _lock()
        tests = WebhookDelivery.objects.filter(webhook=webhook, event=TEST)
        if tests.filter(job__status__in=UNFINISHED).exists():
            raise Conflict("The last test has not finished yet.")
        event = test_event(webhook.pk, key, webhook.site)
        insert_deliveries([Delivery(webhook, key, key, event, forced=True)])
    return WebhookDelivery.objects.select_related("job").get(pk=key)


def redeliver(delivery: WebhookDelivery, by: str) -> WebhookDelivery:
    """Send an event again, at once, with the same ``webhook-id``; return its new delivery.

    An attempt that waits for its time is cancelled: the new delivery takes its place.

    Raises:
        Conflict: it is being sent now.
    """
    key = uuid7()
    with transaction.atomic(using=connection().alias):
        _lock()
        job = delivery.job
        job.refresh_from_db()
        if job.status == Status.RUNNING:
            raise Conflict("It is being sent now.")
        if job.status in UNFINISHED:
            lifecycle.cancel_job(job.pk, by)
        event, message = job.kwargs["event"], delivery.message
        again = Delivery(delivery.webhook, key, message, event, delivery.subject, forced=True)
        insert_deliveries([again])
    return WebhookDelivery.objects.select_related("job").get(pk=key)


def _lock() -> None:
    """Hold the lock of the follower's row, which is there from the first webhook on."""
    FollowedEndings.objects.bulk_create([FollowedEndings()], ignore_conflicts=True)
    # A write, not SELECT FOR UPDATE: SQLite has no such thing, and locks by writing.
    FollowedEndings.objects.update(id=1)


def _now() -> int:
    """A position that every job which ends from now on has, or a greater one."""
    bound = complete_below(connection())
    return newest_position() + 1 if bound == EVERYTHING else bound


def _checked(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The values of columns.

    Raises:
        InvalidOptions: some do not fit.
    """
    checks = {"url": checked_url, "events": _events, "task": _task}
    values: dict[str, Any] = {}
    wrong: list[FieldError] = []
    for name, check in checks.items():
        if name not in asked:
            continue
        try:
            values[name] = check(asked[name])
        except ValueError as error:
            wrong.append({"pointer": f"/{name}", "detail": str(error)})
    if wrong:
        raise InvalidOptions(wrong)
    return values


def _events(names: Any) -> list[str]:
    unknown = [name for name in names if name not in EVENTS]
    if unknown or not names:
        what = f"There is no event {shorten(unknown[0])!r}." if unknown else "Give one at least."
        raise ValueError(f"{what} Events: {', '.join(EVENTS)}.")
    return list(dict.fromkeys(names))


def _task(name: Any) -> str:
    text = str(clean(name or ""))
    if text and find_task(text) is None:
        raise ValueError(f"There is no task named {shorten(text)!r}.")
    return text
