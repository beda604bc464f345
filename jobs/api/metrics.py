"""What ``/metrics`` shows. ``jobs/docs/monitoring.md`` lists it; a test compares the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from jobs.brokers import known_depths
from jobs.conf import get_conf
from jobs.core.states import Status
from jobs.core.times import aware
from jobs.models.counter import BOUNDS, RUN, WAIT
from jobs.queries import capacity
from jobs.queries.counters import TaskCounts, task_counts
from jobs.queries.database_health import database_problem
from jobs.queries.stats import living_consumers
from jobs.queries.storage_health import storage_problem

from .exposition import HistogramMetric, Labels, Metric, Sample, text_of
from .schemas import Queue


def exposition(queues: Sequence[Queue], now: datetime) -> str:
    """Return the metrics as text.

    Args:
        queues: as ``GET /queues`` shows them.
        now: the current time.
    """
    return text_of(
        [_ready(), *_queues(queues), *_slots(queues, now), *_tasks(task_counts()), *_leftovers(now)]
    )


def _ready() -> Metric:
    ready = database_problem() is None and storage_problem() is None
    return Metric("jobdesk_ready", "1 when jobs can be submitted.", "gauge", [({}, int(ready))])


def _queues(queues: Sequence[Queue]) -> Iterator[Metric]:
    yield Metric(
        "jobdesk_jobs",
        "Unfinished jobs by queue and status; 100000 is that many or more.",
        "gauge",
        [
            ({"queue": queue["name"], "status": status.value}, number)
            for queue in queues
            for status, number in (
                (Status.SCHEDULED, queue["scheduled"]),
                (Status.QUEUED, queue["waiting"]),
                (Status.RUNNING, queue["running"]),
            )
        ],
    )
    yield Metric(
        "jobdesk_oldest_waiting_seconds",
        "How long the oldest waiting job could have been taken; 0 when none waits.",
        "gauge",
        [({"queue": queue["name"]}, queue["oldest_waiting_seconds"] or 0) for queue in queues],
    )
    yield Metric(
        "jobdesk_queue_paused",
        "1 when nothing is taken from the queue.",
        "gauge",
        [({"queue": queue["name"]}, int(queue["paused"])) for queue in queues],
    )
    yield Metric(
        "jobdesk_queue_consumers",
        "Consumer processes that serve the queue.",
        "gauge",
        [({"queue": queue["name"]}, queue["consumers"]) for queue in queues],
    )
    yield Metric(
        "jobdesk_backlog_limit",
        "Waiting jobs in a queue at which no more are taken in.",
        "gauge",
        [({}, get_conf().max_backlog)],
    )
    yield Metric(
        "jobdesk_broker_messages",
        "Messages that the broker holds, when it was last asked; absent when it is away.",
        "gauge",
        [
            ({"queue": queue}, number)
            for queue, number in known_depths([queue["name"] for queue in queues]).items()
        ],
    )


def _slots(queues: Sequence[Queue], now: datetime) -> Iterator[Metric]:
    consumers = living_consumers(now)
    every, served = capacity.slots(consumers)
    unserved = {queue["name"]: capacity.Slots() for queue in queues}
    by_queue = sorted((unserved | served).items())
    yield Metric("jobdesk_consumers", "Consumer processes.", "gauge", [({}, len(consumers))])
    yield Metric("jobdesk_slots", "Jobs that run at once at most.", "gauge", [({}, every.total)])
    yield Metric("jobdesk_slots_busy", "Slots in which a job runs.", "gauge", [({}, every.busy)])
    yield Metric(
        "jobdesk_queue_slots",
        "Slots of the consumers that serve the queue, and perhaps others as well.",
        "gauge",
        [({"queue": queue}, one.total) for queue, one in by_queue],
    )
    yield Metric(
        "jobdesk_queue_slots_busy",
        "Slots of these consumers in which a job runs, of this queue or another.",
        "gauge",
        [({"queue": queue}, one.busy) for queue, one in by_queue],
    )
    last = capacity.last_heartbeat()
    yield Metric(
        "jobdesk_last_heartbeat_timestamp_seconds",
        "When a consumer last sent a heartbeat; absent when none has for a day.",
        "gauge",
        [] if last is None else [({}, aware(last).timestamp())],
    )


def _tasks(counts: Sequence[TaskCounts]) -> Iterator[Metric | HistogramMetric]:
    yield Metric(
        "jobdesk_jobs_finished_total",
        "Jobs that have ended, by the status with which they did.",
        "counter",
        _by("status", counts, _jobs),
    )
    yield Metric(
        "jobdesk_attempts_total",
        "Attempts that have ended, by their outcome.",
        "counter",
        _by("outcome", counts, _attempts),
    )
    yield Metric(
        "jobdesk_attempts_retried_total",
        "Attempts that have failed and are followed by another.",
        "counter",
        [(_labels(one), one.retried()) for one in counts],
    )
    yield _histogram(
        "jobdesk_wait_seconds",
        "How long jobs waited for their first attempt since they could have been taken.",
        WAIT,
        counts,
    )
    yield _histogram("jobdesk_run_seconds", "How long attempts ran.", RUN, counts)


def _by(
    label: str, counts: Sequence[TaskCounts], values: Callable[[TaskCounts], dict[str, int]]
) -> list[Sample]:
    return [
        ({**_labels(one), label: key}, number)
        for one in counts
        for key, number in values(one).items()
    ]


def _jobs(counts: TaskCounts) -> dict[str, int]:
    return {status.value: number for status, number in counts.jobs().items()}


def _attempts(counts: TaskCounts) -> dict[str, int]:
    return {outcome.name.lower(): number for outcome, number in counts.attempts().items()}


def _histogram(
    name: str, meaning: str, column: str, counts: Sequence[TaskCounts]
) -> HistogramMetric:
    found = [(_labels(one), one.histogram(column)) for one in counts]
    samples = [(labels, one.cumulative, one.seconds) for labels, one in found]
    return HistogramMetric(name, meaning, BOUNDS, samples)


def _labels(counts: TaskCounts) -> Labels:
    return {"task": counts.task, "queue": counts.queue}


def _leftovers(now: datetime) -> Iterator[Metric]:
    yield Metric(
        "jobdesk_jobs_kept",
        "Failed and cancelled jobs that are kept; 100000 is that many or more.",
        "gauge",
        [({"status": status}, number) for status, number in capacity.kept_jobs().items()],
    )
    yield Metric(
        "jobdesk_quarantined_messages",
        "Messages of brokers that are no jobs and were put aside.",
        "gauge",
        [({}, capacity.quarantined_messages())],
    )
    yield Metric(
        "jobdesk_prune_overdue_seconds",
        "For how long the oldest finished job should have been deleted.",
        "gauge",
        [({}, capacity.prune_overdue(now).total_seconds())],
    )
