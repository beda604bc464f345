"""The few steps that most tests of webhooks begin with."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User

from jobs.core.states import AttemptOutcome
from jobs.models import Job, Webhook
from jobs.testing import drain
from jobs.webhooks.changing import create_webhook
from jobs.webhooks.events import EVENTS
from jobs.webhooks.follower import follow
from tests.factories import end, record, take_one

SITE = "https://desk.example/"


def hook(owner: User, url: str, events: Iterable[str] = EVENTS, **more: Any) -> Webhook:
    """Make a webhook, of all events."""
    return create_webhook(owner, SITE, {"url": url, "events": list(events), **more})


def ended(
    owner: User | None, ending: AttemptOutcome = AttemptOutcome.SUCCEEDED, **fields: Any
) -> Job:
    """Run one job of a user to its end."""
    job = record(owner=owner, max_attempts=1, **fields)
    assert end(take_one(job.queue), ending)
    job.refresh_from_db()
    return job


def follow_all() -> int:
    """Look at all that has ended; return how many jobs were inserted for it."""
    total = 0
    while (found := follow()).inserted or found.more:
        total += found.inserted
    return total


def deliver() -> None:
    """Run what is due in the queue of deliveries, once."""
    drain(queues=["deliveries"], raise_errors=False)


def subjects(webhook: Webhook) -> list[uuid.UUID | None]:
    """The jobs that a webhook is told of, in the order of their deliveries."""
    return list(webhook.deliveries.order_by("job_id").values_list("subject", flat=True))
