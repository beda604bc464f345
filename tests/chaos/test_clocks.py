"""Clocks that jump and process ids that mean nothing: no early rescue, no immortal job."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.arena import Arena
from tests.chaos.databases import seconds_of
from tests.consumers import ConsumerHandle
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


HOUR = 3600
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
STEPS = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1)]
"""By how many hours the worker's clock is off, and the watcher's."""


class Clock:
    """The clock on the wall of a host, as the processes there are told it. (The one that only
    counts, which waiting goes by, is the machine's own.)"""

    def __init__(self, arena: Arena, host: str) -> None:
        self._arena = arena
        self._file = arena.folder / f"clock-{host}"
        self.step(0)

    def environment(self) -> dict[str, Any]:
        """What makes a process believe it."""
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "MUTATION": "sleep beside faketime",
        }

    def step(self, seconds: int) -> None:
        """Put it forward or back, while they run."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n", "utf-8")
        beside.replace(self._file)

    def wait_seen(self, consumer: ConsumerHandle, seconds: int) -> None:
        """Wait until a consumer beats by it."""

        def off() -> bool:
            # One that is slow to start may have been given up: it then has a second row.
            rows = self._arena.rows(
                "SELECT heartbeat_at FROM jobs_consumer WHERE pid = ? AND dead_at IS NULL",
                consumer.pid,
            )
            return any(abs(seconds_of(at) - time.time() - seconds) < HOUR / 4 for (at,) in rows)

        wait_until(off, what=f"a beat {seconds} s from now")


@pytest.mark.faketime
@pytest.mark.skipif(FAKETIME is None, reason="Debian's faketime is not installed")
def test_clocks_that_jump_an_hour(arena: Arena) -> None:
    clocks = {host: Clock(arena, host) for host in ("here", "there")}
    arena.serve()
    go = arena.folder / "go"
    worker = arena.consume(host="here", **clocks["here"].environment())
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))
    watcher = arena.consume(host="there", **clocks["there"].environment())

    for hours in STEPS:
        for clock, consumer, off in zip(clocks.values(), (worker, watcher), hours, strict=True):
            clock.step(off * HOUR)
            clock.wait_seen(consumer, off * HOUR)
        arena.wait_heartbeats(15)
        assert arena.job(job) == ("running", 1), f"no early rescue at {hours}"
    worker.kill()
    arena.wait_job(job, ("running", 2))
    go.touch()

    arena.wait_job(job, ("succeeded", 2))
    assert arena.violations() == []


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
    assert arena.violations() == []
