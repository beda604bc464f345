"""The checker itself: a good world is left in peace, each lie is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import AttemptRow, Change, Effect, JobRow, World, check

JOB = JobRow("a", "k", "succeeded", 2, 0, 3, 2)


def good() -> World:
    """One job, lost once, then done."""
    return World(
        accepted={"k": "a"},
        asked={"k"},
        jobs=[JOB],
        attempts=[
            AttemptRow("a", 1, "lost", 1.0, 2.0),
            AttemptRow("a", 2, "succeeded", 3.0, 4.0),
        ],
        changes=[
            Change("a", "queued", "running", 0, 1),
            Change("a", "running", "queued", 1, 1),
            Change("a", "queued", "running", 1, 2),
            Change("a", "running", "succeeded", 2, 2),
        ],
        ledger=[Effect("a", 1, "begin"), Effect("a", 2, "begin"), Effect("a", 2, "end")],
    )


def _job(**changes: object) -> Callable[[World], object]:
    def change(world: World) -> None:
        world.jobs[0] = replace(JOB, **changes)  # type: ignore[arg-type]

    return change


LIES: list[tuple[str, Callable[[World], object]]] = [
    ("lost", lambda world: world.jobs.clear()),
    ("lost", lambda world: world.accepted.update(other="b")),
    ("lost", lambda world: world.ledger.append(Effect("b", 1, "begin"))),
    ("unasked", lambda world: world.asked.clear()),
    ("doubled", lambda world: world.jobs.append(replace(JOB, id="b"))),
    ("unfinished", _job(status="queued")),
    ("of the dead", _job(status="running", consumer="c")),
    ("wrong end", _job(status="failed")),
    ("wrong end", _job(failures=4, status="failed")),
    ("gap", lambda world: world.attempts.pop(0)),
    ("gap", lambda world: world.attempts.append(AttemptRow("a", 3, "lost"))),
    ("gap", _job(attempt=3, result_attempt=3)),
    ("overlap", lambda world: world.attempts.append(AttemptRow("a", 3, "lost", 3.5, 5.0))),
    ("wrong result", _job(result_attempt=1)),
    ("no effect", lambda world: world.ledger.pop()),
    ("ran twice", lambda world: world.ledger.append(Effect("a", 2, "begin"))),
    ("illegal", lambda world: world.changes.insert(0, Change("a", "queued", "succeeded", 0, 0))),
    ("illegal", lambda world: world.changes.insert(0, Change("a", "queued", "running", 0, 0))),
    (
        "finished twice",
        lambda world: world.changes.append(Change("a", "succeeded", "queued", 2, 2)),
    ),
    ("finished twice", lambda world: world.attempts.append(AttemptRow("a", 3, "succeeded"))),
]


def test_a_good_world_is_left_in_peace() -> None:
    assert check(good()) == []


@pytest.mark.parametrize(("kind", "lie"), LIES)
def test_each_lie_is_named(kind: str, lie: Callable[[World], object]) -> None:
    world = good()
    lie(world)
    assert kind in {complaint.kind for complaint in check(world)}


def test_a_job_that_was_asked_for_again_may_end_again() -> None:
    world = World(
        accepted={"k": "a"},
        asked={"k"},
        retries=Counter(a=1),
        jobs=[replace(JOB, attempt=1, result_attempt=1)],
        attempts=[AttemptRow("a", 1, "succeeded", 3.0, 4.0)],
        changes=[
            Change("a", "queued", "cancelled", 0, 0),
            Change("a", "cancelled", "queued", 0, 0),
            Change("a", "queued", "running", 0, 1),
            Change("a", "running", "succeeded", 1, 1),
        ],
        ledger=[Effect("a", 1, "begin"), Effect("a", 1, "end")],
    )
    assert check(world) == []
    world.retries.clear()
    assert [complaint.kind for complaint in check(world)] == ["finished twice"]
