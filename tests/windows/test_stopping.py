"""What becomes of a site's processes and jobs on Windows when one of them ends.

The tests are in this order because the last one leaves no site that runs.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.waiting import wait_until
from tests.windows.python import START_SECONDS, Agent, path_there
from tests.windows.site import OPEN, WindowsSite

SECONDS = 120.0


def test_two_on_one_folder(site: WindowsSite, agent: Agent) -> None:
    """Both serve and consume; the one that is left goes on."""
    (first,) = site.consumer_pids()
    other = site.start()
    try:
        link = other.wait_for(OPEN, timeout=START_SECONDS)
        assert link[1] != site.base
        assert "password" not in other.output()
        wait_until(lambda: len(site.consumer_pids()) == 2, timeout=SECONDS, what="two consumers")
        jobs = [site.submit("compute", seconds=0.2) for _ in range(6)]
        for job in jobs:
            assert site.wait_for(job)["status"] == "succeeded"
            assert site.effects(job) == [(1, "begin"), (1, "end")]
        assert site.interrupt(other) == 0
    finally:
        other.end()
    assert "Traceback" not in other.output()
    assert site.consumer_pids() == {first}
    assert site.wait_for(site.submit("work"))["status"] == "succeeded"


def test_what_a_killed_consumer_held_runs_again_and_nothing_is_left(
    site: WindowsSite, agent: Agent, tmp_path: Path
) -> None:
    gate = tmp_path / "go on"
    jobs = [
        site.submit(task, until=path_there(gate)) for task in ("start_program", "start_programs")
    ]
    for job in jobs:
        site.wait_for_effect(job, 1, "begin")
    (pid,) = site.consumer_pids()
    # The consumer, the program of the thread, the child, the program of its task and that one's.
    family = wait_for_family(agent, pid, 5)
    agent.call("kill", pid)
    wait_for_end(agent, family)
    for job in jobs:
        site.wait_for_effect(job, 2, "begin")
    gate.touch()
    for job in jobs:
        assert site.wait_for(job)["status"] == "succeeded"
        assert site.effects(job) == [(1, "begin"), (2, "begin"), (2, "end")]
    assert re.search(r"The consumers ended \(.+\)\. They start again in ", site.up.output())


def test_a_killed_up_leaves_nothing_behind_and_the_next_goes_on(
    site: WindowsSite, agent: Agent, tmp_path: Path
) -> None:
    gate = tmp_path / "go on"
    job = site.submit("start_programs", until=path_there(gate))
    site.wait_for_effect(job, 1, "begin")
    family = wait_for_family(agent, site.pid, 5)
    assert agent.call("is_in_job", site.pid), "what it is starting would be left behind"
    agent.call("kill", site.pid)
    wait_for_end(agent, family)
    gate.touch()
    site.start_again()
    assert "password" not in site.up.output()
    assert site.wait_for(job)["status"] == "succeeded"
    assert site.effects(job) == [(1, "begin"), (2, "begin"), (2, "end")]


def test_ctrl_c_lets_what_runs_end_and_leaves_nothing_behind(
    site: WindowsSite, agent: Agent
) -> None:
    family = agent.call("watch", site.pid)
    job = site.submit("work", seconds=2.0)
    site.wait_for_effect(job, 1, "begin")
    assert site.interrupt(site.up) == 0, site.up.output()
    assert "Traceback" not in site.up.output()
    wait_for_end(agent, family)  # Wine learns a moment later than Linux that `up` has ended
    assert site.effects(job) == [(1, "begin"), (1, "end")]
    assert site.sql("SELECT status FROM jobs_job WHERE id = ?", job.replace("-", "")) == [
        ["succeeded"]
    ]


def wait_for_family(agent: Agent, pid: int, count: int) -> list[int]:
    """Wait until a process and those that it has started are so many; watch them."""

    def look() -> list[int] | None:
        found: list[int] = agent.call("watch", pid)
        return found if len(found) >= count else None

    return wait_until(look, timeout=SECONDS, interval=0.1, what=f"{count} processes")


def wait_for_end(agent: Agent, family: list[int]) -> None:
    """Wait until none of these processes is left."""
    wait_until(lambda: not agent.call("living", family), timeout=SECONDS, what="their end")
