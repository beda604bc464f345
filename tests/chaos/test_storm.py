"""A storm on each setup.

It is short without servers; ``JOBS_STORM_SECONDS`` says how long, ``JOBS_STORM_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.brokers.servers import Setup
from tests.chaos.arena import Arena, has_servers
from tests.chaos.storm import KINDS, Storm, plan_faults
from tests.waiting import wait_until

SETUPS = [
    Setup("sqlite"),
    Setup("postgres", database="postgres"),
    Setup("redis", broker="redis", database="postgres"),
    Setup("kafka", broker="kafka", database="postgres"),
    Setup("rabbitmq", broker="rabbitmq", database="postgres"),
]
pytestmark = [pytest.mark.processes, pytest.mark.storm]


def test_a_seed_is_a_storm() -> None:
    assert plan_faults(7, 60) == plan_faults(7, 60) != plan_faults(8, 60)


def test_each_setup_has_its_own_faults() -> None:
    kinds = [{fault.kind for fault in plan_faults(7, 1800, setup)} for setup in SETUPS]
    assert [kind - set(KINDS) for kind in kinds] == [set(), {"cut"}, *[{"cut", "empty"}] * 3]


@pytest.mark.parametrize("arena", [setup.parameter() for setup in SETUPS], indirect=True)
def test_nothing_is_lost_and_nothing_finishes_twice(
    arena: Arena, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBS_STORM_SEED", random.randrange(10**6)))
    storm = Storm(arena, seed, _seconds())
    try:
        storm.run(print)
    finally:
        print(storm.summary())
    with capsys.disabled():
        print(f"\nstorm on {arena.setup}, seed {seed}: {storm.summary()}")

    assert [str(violation) for violation in arena.violations()] == []
    arena.stop_serving()
    wait_until(lambda: not _left_behind(arena), what="the end of every process")


def _seconds() -> float:
    given = os.environ.get("JOBS_STORM_SECONDS")
    return float(given) if given else (20.0 if has_servers() else 8.0)


def _left_behind(arena: Arena) -> list[str]:
    """Return the processes of this arena: each has its database in its environment."""
    mark = arena.database.url.encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:  # it has just ended, or belongs to another user
            continue
    return found
