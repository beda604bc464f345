"""A minute of storm; ``JOBS_STORM_SECONDS`` makes it longer, ``JOBS_STORM_SEED`` repeats one."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.waiting import wait_until

from .arena import Arena
from .storm import Storm, plan_faults

pytestmark = [pytest.mark.processes, pytest.mark.storm]


def test_a_seed_is_a_storm() -> None:
    assert plan_faults(7, 60) == plan_faults(7, 60) != plan_faults(8, 60)


def test_nothing_is_lost_and_nothing_finishes_twice(
    arena: Arena, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBS_STORM_SEED", random.randrange(10**6)))
    storm = Storm(arena, seed, float(os.environ.get("JOBS_STORM_SECONDS", "45")))
    try:
        storm.run(print)
    finally:
        print(storm.figures())
    with capsys.disabled():
        print(f"\nstorm of seed {seed}: {storm.figures()}")

    assert [str(complaint) for complaint in arena.complaints()] == []
    arena.stop_serving()
    wait_until(lambda: not _left_behind(arena), what="the end of every process")


def _left_behind(arena: Arena) -> list[str]:
    """Processes that know of this arena: every one has its database in its environment."""
    mark = str(arena.database).encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:  # it has just ended, or is somebody else's
            continue
    return found
