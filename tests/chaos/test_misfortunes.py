"""What is not a kill: a database that is locked or full, stuck code, older code, bad neighbours."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from jobs.core.states import FINAL
from tests.brokers.servers import Setup
from tests.chaos.arena import LEASE, Arena
from tests.waiting import wait_until

pytestmark = pytest.mark.processes
ON_POSTGRES = Setup("postgres", database="postgres")


def test_a_locked_database_kills_nobody_and_loses_no_outcome(arena: Arena) -> None:
    arena.serve()
    go = arena.folder / "go"
    pair = [arena.consume("--concurrency", "1", host=host) for host in ("here", "there")]
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))

    with arena.database.locked():
        go.touch()
        wait_until(lambda: "end" in [effect.what for effect in arena.records().ledger])
        # It waits as long as a write may wait for its turn, which is more than two leases.
        status, problem = arena.submit_once("work", "refused", timeout=60)
        assert (status, problem["status"]) == (503, 503)
        assert arena.job(job) == ("running", 1), "reads still work; the outcome is in memory"

    arena.wait_job(job, ("succeeded", 1))
    arena.wait_heartbeats(15)
    assert arena.rows("SELECT id FROM jobs_consumer WHERE dead_at IS NOT NULL") == []
    assert len(arena.rows("SELECT id FROM jobs_consumer")) == len(pair)
    assert arena.violations() == []


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits a living process")
def test_a_full_disk_is_an_error_and_never_half_a_row(arena: Arena) -> None:
    web = arena.serve()
    go = arena.folder / "go"
    consumer = arena.consume("--concurrency", "1")
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))

    for pid in (web.pid, consumer.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    status, _ = arena.submit_once("work", "once", timeout=60)
    assert status == 503
    # The ledger cannot grow either: what the task does then fails, and that cannot be written.
    go.touch()
    wait_until(lambda: any("cannot be written" in line for line in consumer.log))
    for pid in (web.pid, consumer.pid):
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)

    status, again = arena.submit_once("work", "once", timeout=60)
    arena.accepted["once"] = again["id"].replace("-", "")
    assert status == 202, "nothing of the refused request was kept"
    arena.wait_job(job, "succeeded")
    arena.wait_job(again["id"], "succeeded")
    assert arena.violations() == []


def test_a_job_of_newer_code_waits_for_a_consumer_that_knows_it(arena: Arena) -> None:
    arena.serve()
    arena.consume(MUTATION="older code")
    job = arena.submit("compute")
    wait_until(lambda: len(arena.records().attempts) > 0, what="a first attempt by the older code")
    arena.consume()

    arena.wait_job(job, "succeeded")
    *before, last = [attempt.outcome for attempt in arena.records().attempts]
    assert (set(before), last) == ({"released"}, "succeeded")
    assert arena.rows("SELECT failures FROM jobs_job") == [(0,)]
    assert arena.violations() == []


def _state(pid: int) -> str:
    """As Linux calls it: T is stopped, Z dead and not yet asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2][:1]
    except OSError:
        return ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_child_that_dies_in_the_middle_of_a_word_is_noticed(arena: Arena) -> None:
    arena.serve()
    arena.consume()
    job = arena.submit("die_with_a_fork")

    arena.wait_job(job, ("failed", 1))

    ((error, message),) = arena.rows("SELECT error_type, error_message FROM jobs_job")
    assert error == "WorkerDied"
    assert message.startswith("worker process died: signal 9, 0.")
    assert message.endswith(" GB")
    (forked,) = (effect.what.split()[1] for effect in arena.records().ledger)
    wait_until(
        lambda: _state(int(forked)) in {"", "Z"}, what="the end of what the task had started"
    )


def test_the_time_that_a_process_takes_to_start_is_not_the_tasks(arena: Arena) -> None:
    arena.serve()
    arena.consume(MUTATION="slow children")
    job = arena.submit("compute_quickly")
    arena.wait_job(job, ("running", 1))
    arena.wait_seconds(1.5)
    (arena.folder / "go").touch()

    assert arena.wait_job(job, *FINAL) == ("succeeded", 1)
    assert arena.violations() == []


def test_a_process_that_never_starts_is_given_up(arena: Arena) -> None:
    arena.serve()
    arena.consume(MUTATION="hung children")
    job = arena.submit("compute_quickly")

    arena.wait_job(job, ("scheduled", 1))
    ((outcome, message),) = arena.rows("SELECT outcome, message FROM jobs_attempt")
    assert outcome == "released"
    assert message.endswith("it was not ready within 1 s")
    (arena.folder / "go").touch()
    assert arena.wait_job(job, *FINAL)[0] == "succeeded"
    assert arena.rows("SELECT failures FROM jobs_job") == [(0,)]
    assert arena.violations() == []


def test_a_coroutine_that_blocks_the_loop_is_left_behind(arena: Arena) -> None:
    arena.serve()
    consumer = arena.consume("--concurrency", "2")
    stuck = arena.submit("block_the_loop", until=str(arena.folder / "never"))
    arena.wait_job(stuck, ("failed", 1))

    after = arena.submit("await_it")

    arena.wait_job(after, "succeeded")
    assert consumer.stop() == 0


NEIGHBOURS = 15
"""More than run at once afterwards. Each runs again in a process of its own, 0.5 s of CPU."""


def test_the_neighbours_of_a_killer_succeed(arena: Arena) -> None:
    arena.serve()
    go = arena.folder / "go"
    victim = arena.consume("--concurrency", str(NEIGHBOURS + 1))
    neighbours = [arena.submit("work", until=str(go)) for _ in range(NEIGHBOURS)]
    for job in neighbours:
        arena.wait_job(job, ("running", 1))
    killer = arena.submit("die_with_all")
    assert victim.wait() == -signal.SIGKILL
    go.touch()

    arena.consume("--concurrency", "6")

    for job in neighbours:
        assert arena.wait_job(job, "succeeded", "failed", timeout=180) == ("succeeded", 2)
    assert arena.wait_job(killer, "succeeded", "failed", timeout=60) == ("failed", 2)
    assert arena.violations() == []


def _keep_two(arena: Arena, job: str) -> bool:
    """As a supervisor: replace the dead. Whether the job has ended."""
    living = [one for one in arena.consumers if one.process.poll() is None]
    for _ in range(2 - len(living)):
        arena.consume("--concurrency", "4", ready=0, MUTATION="little patience")
    return arena.job(job)[0] in FINAL


def test_who_kills_the_consumer_each_time_fails_at_last_and_alone(arena: Arena) -> None:
    arena.serve()
    killer = arena.submit("kill_the_parent")
    neighbours = [arena.submit("work", seconds=0.3) for _ in range(6)]

    wait_until(lambda: _keep_two(arena, killer), timeout=180, what="its end")

    for job in neighbours:
        assert arena.wait_job(job, *FINAL)[0] == "succeeded"
    free = 5
    assert arena.job(killer) == ("failed", free + 2), "it may fail twice"
    error, message = arena.rows(
        "SELECT error_type, error_message FROM jobs_job WHERE id = ?", killer.replace("-", "")
    )[0]
    assert (error, "5 times in a row" in message) == ("WorkerDied", True), message
    rows = sorted((row.number, row.job, row.outcome) for row in arena.records().attempts)
    endings = [outcome for _, job, outcome in rows if job == killer.replace("-", "")]
    assert endings == ["lost"] * free + ["died"] * 2
    assert arena.violations() == []


def test_a_suspended_pair_is_rescued_by_nobody(arena: Arena) -> None:
    """As a laptop that was closed: both wake, neither had seen the other silent."""
    arena.serve()
    go = arena.folder / "go"
    pair = [arena.consume("--concurrency", "1", host=host) for host in ("here", "there")]
    job = arena.submit("work", until=str(go))
    arena.wait_job(job, ("running", 1))

    for consumer in pair:
        consumer.signal(signal.SIGSTOP)
    arena.wait_seconds(2 * LEASE)
    for consumer in pair:
        consumer.signal(signal.SIGCONT)
    arena.wait_heartbeats(15)
    go.touch()

    arena.wait_job(job, ("succeeded", 1))
    assert arena.violations() == []


@pytest.mark.parametrize("point", ["claim before commit", "outcome before commit"])
@pytest.mark.parametrize("arena", [ON_POSTGRES.parameter()], indirect=True)
def test_who_is_frozen_in_a_transaction_holds_up_nobody(arena: Arena, point: str) -> None:
    """Or is cut off in it: the server does not know, and keeps its locks."""
    arena.serve()
    job = arena.submit("work")
    frozen = arena.consume(
        "--concurrency", "1", host="there", ready=0, FAULT=point, FAULT_SIGNAL="SIGSTOP"
    )
    wait_until(lambda: _state(frozen.pid) == "T", what="the freeze")
    arena.consume("--concurrency", "1")

    attempt = 1 if point == "claim before commit" else 2
    assert arena.wait_job(job, "succeeded") == ("succeeded", attempt)
    frozen.kill()
    assert arena.violations() == []
