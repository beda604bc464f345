"""The queues' metrics in the Prometheus text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from jobs.brokers import known_depths
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.states import Status

from .schemas import Queue

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# From the partial index of these two; the succeeded could only be counted row by row.
_KEPT: Final = """
SELECT status, COUNT(*) FROM jobs_job WHERE status IN ('failed', 'cancelled') GROUP BY status
"""

Sample = tuple[dict[str, str], float]


def exposition(queues: Sequence[Queue]) -> str:
    """Return the metrics as text."""
    families = [
        _family("jobdesk_jobs", "Unfinished jobs by queue and status.", _unfinished(queues)),
        _family("jobdesk_jobs_kept", "Finished jobs that are kept, by status.", _kept()),
        _family(
            "jobdesk_oldest_waiting_seconds",
            "How long the oldest waiting job could have been taken; 0 when none waits.",
            [(_label(queue), queue["oldest_waiting_seconds"] or 0) for queue in queues],
        ),
        _family(
            "jobdesk_queue_paused",
            "1 when nothing is taken from the queue.",
            [(_label(queue), int(queue["paused"])) for queue in queues],
        ),
        _family(
            "jobdesk_queue_consumers",
            "Consumer processes that serve the queue.",
            [(_label(queue), queue["consumers"]) for queue in queues],
        ),
        _family(
            "jobdesk_backlog_limit",
            "Waiting jobs in a queue at which no more are taken in.",
            [({}, get_conf().max_backlog)],
        ),
    ]
    if in_broker := known_depths([queue["name"] for queue in queues]):
        families.append(
            _family(
                "jobdesk_broker_messages",
                "Messages that the broker holds, when it was last asked; absent when it is away.",
                [({"queue": queue}, number) for queue, number in in_broker.items()],
            )
        )
    return "".join(families)


def _unfinished(queues: Iterable[Queue]) -> list[Sample]:
    return [
        ({**_label(queue), "status": status.value}, number)
        for queue in queues
        for status, number in (
            (Status.SCHEDULED, queue["scheduled"]),
            (Status.QUEUED, queue["waiting"]),
            (Status.RUNNING, queue["running"]),
        )
    ]


def _kept() -> list[Sample]:
    with connection().cursor() as cursor:
        cursor.execute(_KEPT)
        counted = dict(cursor.fetchall())
    return [
        ({"status": status.value}, counted.get(status.value, 0))
        for status in (Status.FAILED, Status.CANCELLED)
    ]


def _label(queue: Queue) -> dict[str, str]:
    return {"queue": queue["name"]}


def _family(name: str, meaning: str, samples: Iterable[Sample]) -> str:
    """One metric, a gauge: its description, its type, its samples."""
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_labels(labels)} {value!r}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
