"""One rule broken at a time: the checker must say which. And some misfortunes that break none."""

from __future__ import annotations

import os
import select
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from jobs import lifecycle
from jobs.brokers.wakeup.data_version import DataVersionListener
from jobs.brokers.wakeup.udp_listener import UdpListener
from jobs.consumer import executor, failure_detector, queue_polls
from jobs.consumer.task_process import attempt
from jobs.errors import UnknownTask
from jobs.lifecycle import claim, complete, poison_jobs, sql
from jobs.models import Job
from tests.waiting import wait_until

# Other code, put in the place of ours: that the types do not fit is the least of it.
_time: Any = time
_children: Any = attempt
_losses: Any = poison_jobs
_outcomes: Any = complete
_claims: Any = claim
_lifecycle: Any = lifecycle
_run: Any = executor
_polls: Any = queue_polls.QueuePolls
_detector: Any = failure_detector.FailureDetector
_listeners: tuple[Any, ...] = (UdpListener, DataVersionListener)


def lost_notifications() -> None:
    """No consumer is ever notified of a job. (This breaks no rule: it polls the table.)"""
    for listener in _listeners:
        listener.wait = lambda self, timeout: time.sleep(timeout)


def older_code() -> None:
    """The task ``chaos.compute`` is not yet in this process's code. (Nor does this.)"""
    original = _run.load_task

    def load(name: str, path: str) -> Any:
        if name == "chaos.compute":
            raise UnknownTask(name, [])
        return original(name, path)

    _run.load_task = load


def little_patience() -> None:
    """Fewer losses are free, and pauses are shorter. (Nor does this: it saves a minute.)"""
    _losses.FREE_LOSSES, _losses.PROMPT_LOSSES = 5, 3
    original = _losses.backoff_seconds
    _losses.backoff_seconds = lambda times: original(times) / 2


def slow_children() -> None:
    """A child process does not come to its task before there is a file. (Nor this.)"""
    if "jobs.consumer.task_process.main" in sys.orig_argv:
        wait_until(_beside_the_ledger("go").exists, what="the file that lets children start")


def hung_children() -> None:
    """They have a second for it."""
    slow_children()
    _children.START_SECONDS = 1.0


def _beside_the_ledger(name: str) -> Path:
    return Path(os.environ["CHAOS_LEDGER"]).with_name(name)


def sleep_beside_faketime() -> None:
    """Sleep in a way that ``faketime`` can. (It breaks no rule.)

    Python's sleeps until a time on the clock that only counts; faketime 0.9.10 takes that for one
    on the clock that it fakes, and the kernel refuses what it makes of it.
    """
    _time.sleep = lambda seconds: select.select([], [], [], seconds)


def no_fence() -> None:
    """An outcome is written whoever holds the job now."""
    fence = "AND attempt = attempt_number AND status = 'running'"
    assert fence in sql.FINISH
    anyone = "RETURNING id, (SELECT attempt_number FROM outcome WHERE job_id = id)"
    _outcomes.FINISH = sql.FINISH.replace(fence, "").replace("RETURNING id, attempt", anyone)
    _outcomes.ADD_ATTEMPTS = sql.ADD_ATTEMPTS.replace("INSERT INTO", "INSERT OR REPLACE INTO")


def no_look() -> None:
    """Every notification is lost, and nobody polls the table."""
    lost_notifications()
    _polls.request_poll = lambda self, queues=None: None


def no_compare_and_set() -> None:
    """Jobs are found first and marked later, whatever has happened to them in between."""
    seen: dict[str, list[uuid.UUID]] = {}
    condition = "WHERE id IN (SELECT id FROM picked) AND status = 'queued'"
    assert condition in sql.CLAIM
    original = lifecycle.claim_rows

    def look(queue: str) -> bool:
        waiting = Job.objects.filter(status="queued", queue=queue)
        seen[queue] = list(waiting.values_list("pk", flat=True))
        if seen[queue]:
            _meet_the_other()
        return bool(seen[queue])

    def take(queue: str, *rest: Any) -> Any:
        if queue not in seen:
            look(queue)
        ids = ", ".join(f"'{one.hex}'" for one in seen.pop(queue))
        _claims.CLAIM = sql.CLAIM.replace(condition, f"WHERE id IN ({ids})")
        return original(queue, *rest)

    _lifecycle.has_waiting, _lifecycle.claim_rows = look, take
    _claims.claim_rows = take


def _meet_the_other() -> None:
    """Go on when two processes have found jobs: both have then looked before either marks."""
    place = _beside_the_ledger("found")
    with place.open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    wait_until(lambda: len(set(place.read_text("utf-8").split())) > 1, what="the other consumer")


def no_watch() -> None:
    """Nobody asks who is dead."""
    _detector.silent = lambda self, me: []
    _detector.proven_dead = lambda self, me: iter(())
    _lifecycle.orphaned_consumers = set


MUTATIONS = {
    "lost notifications": lost_notifications,
    "older code": older_code,
    "little patience": little_patience,
    "slow children": slow_children,
    "hung children": hung_children,
    "sleep beside faketime": sleep_beside_faketime,
    "fencing": no_fence,
    "the look at the table": no_look,
    "the claim's compare-and-set": no_compare_and_set,
    "the death watch": no_watch,
}
