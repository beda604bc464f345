"""One rule broken at a time: the checker must say which."""

from __future__ import annotations

import time
import uuid
from typing import Any

from jobs import lifecycle
from jobs.brokers import doorbell
from jobs.lifecycle import claims, outcomes, sql
from jobs.models import Job
from jobs.worker import desk, watch


def no_fence() -> None:
    """An outcome is written whoever holds the job now."""
    fence = "AND attempt = %s AND status = 'running'"
    assert fence in sql.FINISH
    outcomes.FINISH = sql.FINISH.replace(fence, "AND %s > 0")  # type: ignore[misc]
    outcomes.ADD_ATTEMPT = sql.ADD_ATTEMPT.replace(  # type: ignore[misc]
        "INSERT INTO", "INSERT OR REPLACE INTO"
    )


def no_look() -> None:
    """Every permit is lost, and nobody looks at the table."""
    never: Any = lambda self, timeout: time.sleep(timeout)  # noqa: E731
    doorbell.InotifyBell.wait = doorbell.VersionBell.wait = never  # type: ignore[method-assign]
    desk.Desk.look = lambda self: None  # type: ignore[method-assign]


def no_compare_and_set() -> None:
    """Jobs are found first and marked later, whatever has happened to them in between."""
    seen: list[uuid.UUID] = []
    condition = "WHERE id IN (SELECT id FROM picked) AND status = 'queued'"
    assert condition in sql.CLAIM

    def look(queue: str) -> bool:
        waiting = Job.objects.filter(status="queued", queue=queue).values_list("pk", flat=True)
        seen[:] = list(waiting)
        time.sleep(0.3 if seen else 0)
        return bool(seen)

    def claim(*args: Any) -> Any:
        ids = ", ".join(f"'{one.hex}'" for one in seen) or "''"
        claims.CLAIM = sql.CLAIM.replace(condition, f"WHERE id IN ({ids})")  # type: ignore[misc]
        return original(*args)

    original = lifecycle.claim
    lifecycle.has_waiting, lifecycle.claim = look, claim


def no_watch() -> None:
    """Nobody asks who is dead."""
    watch.Watch.silent = lambda self, me: []  # type: ignore[method-assign]
    watch.Watch.proven_dead = lambda self, me: iter(())  # type: ignore[method-assign]
    lifecycle.orphans = set  # type: ignore[assignment]


MUTATIONS = {
    "fencing": no_fence,
    "the look at the table": no_look,
    "the claim's compare-and-set": no_compare_and_set,
    "the death watch": no_watch,
}
