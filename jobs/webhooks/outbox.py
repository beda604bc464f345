"""Insert the jobs that send something: deliveries to webhooks, and e-mails."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.utils import timezone

from jobs import lifecycle
from jobs.catalog.task import JobTask
from jobs.lifecycle import NewJob
from jobs.lifecycle.followers import DELIVERIES
from jobs.models import Job, Webhook, WebhookDelivery

WHILE_FAILING: Final = -10
"""The priority of what goes to a webhook that fails now: others need not wait for its time-outs."""


class Delivery(NamedTuple):
    """An event for a webhook.

    Attributes:
        webhook: where it goes.
        key: the id of its job.
        message: the id of the event: that of the first job that was made for it.
        event: what is sent.
        subject: the id of the job that has ended, None for a test.
        forced: it is sent even to a webhook that is disabled.
    """

    webhook: Webhook
    key: uuid.UUID
    message: uuid.UUID
    event: dict[str, Any]
    subject: uuid.UUID | None = None
    forced: bool = False


class Email(NamedTuple):
    """An e-mail to the owner of a job that has ended; ``arguments`` are those of its task."""

    key: uuid.UUID
    arguments: dict[str, Any]


def insert_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Insert the jobs of deliveries, and the rows that list them; inside a transaction."""
    from .deliver import deliver_webhook

    if not deliveries:
        return
    healthy = [one for one in deliveries if one.webhook.failing_since is None]
    failing = [one for one in deliveries if one.webhook.failing_since is not None]
    groups = [
        (
            _template(deliver_webhook, priority),
            [NewJob(one.key, _arguments(one), ()) for one in some],
        )
        for priority, some in ((0, healthy), (WHILE_FAILING, failing))
        if some
    ]
    lifecycle.insert_groups(groups)
    WebhookDelivery.objects.bulk_create(
        (
            WebhookDelivery(
                job_id=one.key,
                webhook_id=one.webhook.pk,
                message=one.message,
                event=one.event["type"],
                subject=one.subject,
            )
            for one in deliveries
        ),
        batch_size=500,
    )


def insert_emails(emails: Sequence[Email]) -> None:
    """Insert the jobs of e-mails; inside a transaction."""
    from .emails import send_job_email

    if emails:
        jobs = [NewJob(one.key, json.dumps(one.arguments), ()) for one in emails]
        lifecycle.insert_many(_template(send_job_email, 0), jobs)


def _template(task: JobTask[..., Any], priority: int) -> Job:
    """A job of nobody: its owner's list and limits are for what they have submitted."""
    return Job.new(
        id=uuid.UUID(int=0),
        task=task.name,
        module_path=task.module_path,
        queue=DELIVERIES,
        priority=priority,
        args=[],
        kwargs={},
        max_attempts=task.max_attempts,
        timeout=task.timeout,
        created_at=timezone.now(),
    )


def _arguments(one: Delivery) -> str:
    arguments: dict[str, Any] = {
        "webhook": str(one.webhook.pk),
        "message": str(one.message),
        "event": one.event,
    }
    return json.dumps(arguments | {"forced": True} if one.forced else arguments)
