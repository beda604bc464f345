"""One rule broken at a time: the checker must say which. And some misfortunes that break none."""

from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from jobs import lifecycle
from jobs.brokers import doorbell
from jobs.errors import UnknownTask
from jobs.lifecycle import claims, outcomes, sql
from jobs.models import Job
from jobs.worker import desk, run, watch
from tests.waiting import wait_until

# Other code, put in the place of ours: that the types do not fit is the least of it.
_time: Any = time
_timezone: Any = timezone
_outcomes: Any = outcomes
_claims: Any = claims
_lifecycle: Any = lifecycle
_run: Any = run
_desk: Any = desk.Desk
_watch: Any = watch.Watch
_bells: tuple[Any, ...] = (doorbell.InotifyBell, doorbell.VersionBell)


def lost_permits() -> None:
    """No consumer is ever told of a job. (This breaks no rule: the look at the table is for it.)"""
    for bell in _bells:
        bell.wait = lambda self, timeout: time.sleep(timeout)


def older_code() -> None:
    """The task ``chaos.compute`` is not yet in this process's code. (Nor does this.)"""
    original = _run.load_task

    def load(name: str, path: str) -> Any:
        if name == "chaos.compute":
            raise UnknownTask(name, [])
        return original(name, path)

    _run.load_task = load


def stepping_clock() -> None:
    """The clock on the wall is off by the seconds in a file; a test may change it at any time."""
    file = Path(os.environ["CHAOS_LEDGER"]).with_name("clock")
    now, moment = timezone.now, time.time_ns

    def offset() -> int:
        return int(file.read_text("utf-8") or 0)

    _timezone.now = lambda: now() + timedelta(seconds=offset())
    _time.time_ns = lambda: moment() + offset() * 10**9
    _time.time = lambda: _time.time_ns() / 1e9


def no_fence() -> None:
    """An outcome is written whoever holds the job now."""
    fence = "AND attempt = number AND status = 'running'"
    assert fence in sql.FINISH
    anyone = "id, (SELECT number FROM ending WHERE job = id)"
    _outcomes.FINISH = sql.FINISH.replace(fence, "").replace("id, attempt", anyone)
    _outcomes.ADD_ATTEMPTS = sql.ADD_ATTEMPTS.replace("INSERT INTO", "INSERT OR REPLACE INTO")


def no_look() -> None:
    """Every permit is lost, and nobody looks at the table."""
    lost_permits()
    _desk.look = lambda self, queues=None: None


def no_compare_and_set() -> None:
    """Jobs are found first and marked later, whatever has happened to them in between."""
    seen: dict[str, list[uuid.UUID]] = {}
    condition = "WHERE id IN (SELECT id FROM picked) AND status = 'queued'"
    assert condition in sql.CLAIM
    original = lifecycle.claim

    def look(queue: str) -> bool:
        waiting = Job.objects.filter(status="queued", queue=queue)
        seen[queue] = list(waiting.values_list("pk", flat=True))
        if seen[queue]:
            _meet_the_other()
        return bool(seen[queue])

    def claim(queue: str, *rest: Any) -> Any:
        if queue not in seen:
            look(queue)
        ids = ", ".join(f"'{one.hex}'" for one in seen.pop(queue))
        _claims.CLAIM = sql.CLAIM.replace(condition, f"WHERE id IN ({ids})")
        return original(queue, *rest)

    _lifecycle.has_waiting, _lifecycle.claim = look, claim


def _meet_the_other() -> None:
    """Go on when two processes have found jobs: both have then looked before either marks."""
    place = Path(os.environ["CHAOS_LEDGER"]).with_name("found")
    with place.open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    wait_until(lambda: len(set(place.read_text("utf-8").split())) > 1, what="the other consumer")


def no_watch() -> None:
    """Nobody asks who is dead."""
    _watch.silent = lambda self, me: []
    _watch.proven_dead = lambda self, me: iter(())
    _lifecycle.orphans = set


MUTATIONS = {
    "lost permits": lost_permits,
    "older code": older_code,
    "stepping clock": stepping_clock,
    "fencing": no_fence,
    "the look at the table": no_look,
    "the claim's compare-and-set": no_compare_and_set,
    "the death watch": no_watch,
}
