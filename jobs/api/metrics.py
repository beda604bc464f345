"""The Prometheus text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from jobs.api.views.queues import QueueState
from jobs.brokers import known_depths
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.states import Status

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# Off the partial index of these two; how many succeeded could only be counted row by row.
_UNHAPPY: Final = """
SELECT status, COUNT(*) FROM jobs_job WHERE status IN ('failed', 'cancelled') GROUP BY status
"""

Sample = tuple[dict[str, str], float]


def exposition(states: Sequence[QueueState]) -> str:
    """Return the numbers of the queues as text."""
    families = [
        _family("jobdesk_jobs", "Unfinished jobs by queue and status.", _unfinished(states)),
        _family("jobdesk_jobs_kept", "Finished jobs that are kept, by status.", _unhappy()),
        _family(
            "jobdesk_oldest_waiting_seconds",
            "How long the oldest waiting job could have been taken; 0 when none waits.",
            [(_of(state), state.oldest_waiting_seconds or 0) for state in states],
        ),
        _family(
            "jobdesk_queue_paused",
            "1 when nothing is taken from the queue.",
            [(_of(state), int(state.paused)) for state in states],
        ),
        _family(
            "jobdesk_queue_consumers",
            "Consumer processes that serve the queue.",
            [(_of(state), state.consumers) for state in states],
        ),
        _family(
            "jobdesk_backlog_limit",
            "Waiting jobs in a queue at which no more are taken in.",
            [({}, get_conf().max_backlog)],
        ),
    ]
    if in_broker := known_depths([state.name for state in states]):
        families.append(
            _family(
                "jobdesk_broker_messages",
                "Messages that the broker holds, when it was last asked; absent when it is away.",
                [({"queue": queue}, number) for queue, number in in_broker.items()],
            )
        )
    return "".join(families)


def _unfinished(states: Iterable[QueueState]) -> list[Sample]:
    return [
        ({**_of(state), "status": status.value}, number)
        for state in states
        for status, number in (
            (Status.SCHEDULED, state.scheduled),
            (Status.QUEUED, state.waiting),
            (Status.RUNNING, state.running),
        )
    ]


def _unhappy() -> list[Sample]:
    with connection().cursor() as cursor:
        cursor.execute(_UNHAPPY)
        counted = dict(cursor.fetchall())
    return [
        ({"status": status.value}, counted.get(status.value, 0))
        for status in (Status.FAILED, Status.CANCELLED)
    ]


def _of(state: QueueState) -> dict[str, str]:
    return {"queue": state.name}


def _family(name: str, meaning: str, samples: Iterable[Sample]) -> str:
    """One family of gauges: what it means, its type, its samples."""
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
