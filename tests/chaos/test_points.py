"""A process dies at each point of a job's life: the job ends once all the same."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.brokers.servers import Setup
from tests.chaos.arena import Arena
from tests.chaos.faults import CONSUMER, RECEIVER, SENDER, SUBMITTER
from tests.consumers import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.processes
MESSAGES = [
    Setup("redis", broker="redis", database="postgres"),
    Setup("kafka", broker="kafka", database="postgres"),
]
with_messages = pytest.mark.parametrize(
    "arena", [setup.parameter() for setup in MESSAGES], indirect=True
)
NO_LOOK = "3600"
"""Seconds between polls of the table: only a notification can tell of a job."""


@pytest.mark.parametrize("point", SUBMITTER)
def test_the_web_process_dies(arena: Arena, point: str) -> None:
    web = arena.serve(FAULT=point)
    key = "once"
    with pytest.raises(OSError, match=r".*"):
        arena.submit_once("work", key, timeout=30)
    assert web.wait(10) == -signal.SIGKILL

    arena.serve()
    status, job = arena.submit_once("work", key, timeout=30)
    arena.accepted[key] = job["id"].replace("-", "")

    assert status == (202 if point == "submission before commit" else 200)
    arena.consume()
    arena.wait_job(job["id"], "succeeded")
    assert arena.violations() == []


@pytest.mark.parametrize("point", CONSUMER)
def test_a_consumer_dies(arena: Arena, point: str) -> None:
    arena.serve()
    job = arena.submit("work")

    victim = arena.consume("--concurrency", "1", ready=0, FAULT=point)
    wait_until(lambda: victim.process.poll() is not None, what="the fault")
    assert victim.process.poll() == -signal.SIGKILL, "".join(victim.log)
    arena.consume("--concurrency", "1")

    claimed = point not in {"waiting job found", "claim before commit"}
    again = claimed and point != "outcome after commit"
    assert arena.wait_job(job, "succeeded") == ("succeeded", 2 if again else 1)
    assert arena.violations() == []


@with_messages
@pytest.mark.parametrize("point", SENDER)
def test_the_web_process_dies_with_a_message(arena: Arena, point: str) -> None:
    web = arena.serve(FAULT=point)
    key = "once"
    # The thread that sends dies beside the answer: it may just have been given.
    with contextlib.suppress(OSError):
        arena.submit_once("work", key, timeout=30)
    assert web.wait(10) == -signal.SIGKILL

    arena.serve()
    status, job = arena.submit_once("work", key, timeout=30)
    arena.accepted[key] = job["id"].replace("-", "")

    assert status == 200
    arena.consume()
    assert arena.wait_job(job["id"], "succeeded") == ("succeeded", 1)
    assert arena.violations() == []


@with_messages
@pytest.mark.parametrize("point", RECEIVER)
def test_a_consumer_dies_with_a_message(arena: Arena, point: str) -> None:
    arena.serve()
    victim = arena.consume("--concurrency", "1", FAULT=point, JOBS_SWEEP_SECONDS=NO_LOOK)
    job = arena.submit("work")
    assert victim.wait() == -signal.SIGKILL
    arena.consume("--concurrency", "1")

    _, attempt = arena.wait_job(job, "succeeded")
    # Who dies once it has claimed may have finished the job by then.
    assert attempt in ({1} if point == "message received" else {1, 2})
    arena.wait_job(arena.submit("work"), "succeeded")
    assert arena.violations() == []


def _two_days_pass(arena: Arena) -> Path:
    """Let everything be older; return the folder of the files."""
    files = arena.folder / "here" / "files"
    past = time.time() - 2 * 86_400
    for file in files.rglob("*"):
        os.utime(file, (past, past))
    before = datetime.fromtimestamp(past, UTC).strftime("%Y-%m-%d %H:%M:%S")
    arena.rows("UPDATE jobs_job SET finished_at = ?", before)
    return files


def _files_in_rows(arena: Arena) -> list[str]:
    tables = ("jobs_upload", "jobs_artifact")
    return sorted(name for table in tables for (name,) in arena.rows(f"SELECT file FROM {table}"))


def _files_below(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_what_was_stored_and_not_noted_is_found_by_prune(arena: Arena) -> None:
    path, data = "uploads?name=a.txt", b"some bytes"
    kind = {"Content-Type": "application/octet-stream"}
    web = arena.serve(FAULT="upload stored")
    with pytest.raises(OSError, match=r".*"):
        arena.ask("POST", path, data, kind)
    assert web.wait(10) == -signal.SIGKILL
    arena.serve()
    _, said = arena.ask("POST", path, data, kind)
    job = arena.submit("copy", file={"upload": json.loads(said)["id"]})
    victim = arena.consume("--concurrency", "1", ready=0, FAULT="artifact stored")
    assert victim.wait(60) == -signal.SIGKILL
    arena.consume("--concurrency", "1")
    arena.wait_job(job, ("succeeded", 2))

    files = _two_days_pass(arena)
    assert len(_files_below(files)) == 4
    prune = [sys.executable, "manage.py", "prune"]
    told = subprocess.check_output(prune, cwd=ROOT, env=arena.environment(), text=True)

    assert told.startswith("Deleted 0 rows and 2 stray files.")
    assert _files_below(files) == _files_in_rows(arena)
    assert arena.ask("GET", f"jobs/{job}/artifacts/copy.txt") == (200, data)
    assert arena.violations() == []
