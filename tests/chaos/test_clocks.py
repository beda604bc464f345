"""Clocks that jump and process ids that mean nothing: no early rescue, no immortal job."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from .arena import Arena

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("stepped", ["worker", "watcher"])
def test_a_clock_that_jumps_an_hour(arena: Arena, stepped: str) -> None:
    clock = arena.folder / "clock"
    clock.write_text("+0")
    faked: dict[str, Any] = {"MUTATION": "stepping clock"}
    arena.serve()
    go = arena.folder / "go"
    worker = arena.consume(**(faked if stepped == "worker" else {}))
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))
    arena.consume(host="there", **(faked if stepped == "watcher" else {}))

    for step in ("+3600", "-3600", "+0"):
        clock.write_text(step)
        arena.wait_beats(15)
        assert arena.job(job) == ("running", 1), f"no early rescue at {step}"
    worker.kill()
    arena.wait_job(job, ("running", 2))
    go.touch()

    arena.wait_job(job, ("succeeded", 2))
    assert arena.complaints() == []


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "--pid", "--fork", "true"], capture_output=True, timeout=30, check=False
    )
    return tried.returncode == 0


@pytest.mark.namespaces
@pytest.mark.skipif(not _may_unshare(), reason="no process namespace may be made here")
def test_a_process_namespace_of_its_own(arena: Arena) -> None:
    """As in a container: its process id is 1, or another's; its file lock is its own."""
    arena.serve()
    go = arena.folder / "go"
    apart = ("unshare", "--pid", "--fork", "--kill-child")
    worker = arena.consume(before=apart)
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))
    # A lease of an hour: the lock alone tells.
    arena.consume(JOBS_LEASE_SECONDS="3600")
    arena.wait_job(arena.submit("work"), "succeeded")
    assert arena.job(job) == ("running", 1)

    worker.kill()
    arena.wait_job(job, ("running", 2))
    go.touch()

    arena.wait_job(job, ("succeeded", 2))
    assert arena.complaints() == []
