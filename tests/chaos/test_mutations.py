"""The checker is proven: with one rule broken it must complain, and about the right thing."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.chaos.arena import Arena
from tests.chaos.checker import Violation
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


def _kinds(found: list[Violation]) -> set[str]:
    print(*found, sep="\n")
    return {violation.kind for violation in found}


def _thawed_too_late(arena: Arena, **extra: Any) -> str:
    """A consumer is frozen in a job, another finishes it, the first wakes."""
    arena.serve()
    go = arena.folder / "go"
    frozen = arena.consume("--concurrency", "1", **extra)
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))
    arena.freeze(frozen)
    arena.consume("--concurrency", "1", host="there", **extra)
    arena.wait_job(job, ("running", 2))
    go.touch()
    arena.wait_job(job, ("succeeded", 2))
    frozen.signal(signal.SIGCONT)
    wait_until(lambda: any("starts afresh" in line for line in frozen.log))
    assert frozen.stop() == 0
    return job


def test_a_frozen_consumer_changes_nothing(arena: Arena) -> None:
    _thawed_too_late(arena)
    assert arena.violations() == []


def test_without_fencing_the_result_is_another_attempts(arena: Arena) -> None:
    _thawed_too_late(arena, MUTATION="fencing")
    assert {"wrong result", "finished twice"} <= _kinds(arena.violations())


def test_lost_notifications_cost_no_job(arena: Arena) -> None:
    arena.serve()
    arena.consume(MUTATION="lost notifications")
    for _ in range(2):
        arena.wait_job(arena.submit("work"), "succeeded")
    assert arena.violations() == []


def test_without_the_look_at_the_table_a_job_waits_for_ever(arena: Arena) -> None:
    arena.serve()
    first = arena.submit("work")
    arena.consume(MUTATION="the look at the table")
    arena.wait_job(first, "succeeded")
    job = arena.submit("work")
    arena.wait_heartbeats(15)

    found = arena.violations()
    assert _kinds(found) == {"unfinished"}
    assert [str(one) for one in found] == [f"unfinished: {_plain(job)}: it is still queued"]


def test_without_compare_and_set_two_take_one_job(arena: Arena) -> None:
    arena.serve()
    pair = [arena.consume(MUTATION="the claim's compare-and-set") for _ in range(2)]
    job = arena.submit("work")
    arena.wait_job(job, "succeeded")
    for consumer in pair:
        consumer.stop()

    kinds = _kinds(arena.violations())
    assert "illegal" in kinds
    # Who writes last decides which of the two is left to be seen.
    assert kinds & {"gap", "finished twice"}
    effects = [effect for effect in arena.records().ledger if effect.what == "begin"]
    assert len(effects) == 2


def test_without_the_death_watch_a_job_belongs_to_the_dead(arena: Arena) -> None:
    arena.serve()
    go = arena.folder / "go"
    victim = arena.consume()
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))
    arena.consume(MUTATION="the death watch")
    victim.kill()
    arena.wait_heartbeats(15)

    assert _kinds(arena.violations()) == {"unfinished", "of the dead"}


def _plain(job: str) -> str:
    return job.replace("-", "")
