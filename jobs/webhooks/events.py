"""The events, and what is sent of one: CloudEvents 1.0 in JSON, with links, without results."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.utils import timezone

from jobs.core.db import as_time, as_uuid
from jobs.core.states import Status
from jobs.queries.job_fields import utc_text

EVENTS: Final = {
    "job.succeeded": Status.SUCCEEDED,
    "job.failed": Status.FAILED,
    "job.cancelled": Status.CANCELLED,
}
EVENT_OF: Final = {status.value: name for name, status in EVENTS.items()}
TEST: Final = "webhook.test"
MEDIA_TYPE: Final = "application/cloudevents+json"


class Ended(NamedTuple):
    """The columns of a job that has ended, as the driver returns them."""

    position: int
    id: Any
    task: str
    queue: str
    status: str
    attempt: int
    failures: int
    max_attempts: int
    created_at: Any
    started_at: Any
    finished_at: Any
    owner_id: Any


COLUMNS: Final = ", ".join(["feed_position", *Ended._fields[1:]])


def ended_event(row: Ended, message: uuid.UUID, site: str) -> dict[str, Any]:
    """Return what is sent of the ending of a job.

    Args:
        row: the job.
        message: the event's id, which is the header ``webhook-id`` too.
        site: the address below which everything is mounted, with a slash at its end.
    """
    key = as_uuid(row.id)
    address = f"{site}api/v1/jobs/{key}"
    return _event(EVENT_OF[row.status], message, site, row.finished_at) | {
        "subject": str(key),
        "data": {
            "id": str(key),
            "task": row.task,
            "queue": row.queue,
            "status": row.status,
            "attempt": row.attempt,
            "failures": row.failures,
            "max_attempts": row.max_attempts,
            "created_at": _text(row.created_at),
            "started_at": _text(row.started_at),
            "finished_at": _text(row.finished_at),
            "links": {"self": address, "html": f"{site}jobs/{key}/", "log": f"{address}/log"},
        },
    }


def test_event(webhook: uuid.UUID, message: uuid.UUID, site: str) -> dict[str, Any]:
    """Return what is sent to try a webhook."""
    address = f"{site}api/v1/webhooks/{webhook}"
    data = {"webhook": str(webhook), "links": {"webhook": address}}
    return _event(TEST, message, site, timezone.now()) | {"data": data}


def _event(kind: str, message: uuid.UUID, site: str, time: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(message),
        "source": site,
        "type": kind,
        "time": _text(time),
        "datacontenttype": "application/json",
    }


def _text(value: datetime | str | None) -> str | None:
    moment = as_time(value)
    return None if moment is None else utc_text(moment)
