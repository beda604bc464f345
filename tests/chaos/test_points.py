"""A process dies at each point of a job's life: the job ends once all the same."""

from __future__ import annotations

import signal

import pytest

from tests.waiting import wait_until

from .arena import Arena
from .faults import CONSUMER, SUBMITTER

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("point", SUBMITTER)
def test_the_web_process_dies(arena: Arena, point: str) -> None:
    web = arena.serve(FAULT=point)
    key = "once"
    with pytest.raises(OSError, match=r".*"):
        arena.order("work", key, timeout=30)
    assert web.wait(10) == -signal.SIGKILL

    arena.serve()
    status, job = arena.order("work", key, timeout=30)
    arena.accepted[key] = job["id"].replace("-", "")

    assert status == (202 if point == "submission before commit" else 200)
    arena.consume()
    arena.wait_job(job["id"], "succeeded")
    assert arena.complaints() == []


@pytest.mark.parametrize("point", CONSUMER)
def test_a_consumer_dies(arena: Arena, point: str) -> None:
    arena.serve()
    job = arena.submit("work")

    victim = arena.consume("--concurrency", "1", ready=0, FAULT=point)
    wait_until(lambda: victim.process.poll() is not None, what="the fault")
    assert victim.process.poll() == -signal.SIGKILL, "".join(victim.said)
    arena.consume("--concurrency", "1")

    claimed = point not in {"permit received", "claim before commit"}
    again = claimed and point != "outcome after commit"
    assert arena.wait_job(job, "succeeded") == ("succeeded", 2 if again else 1)
    assert arena.complaints() == []
