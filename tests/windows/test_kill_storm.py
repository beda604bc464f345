"""Jobs are submitted while consumers and their children are killed: each accepted job ends once.

``JOBS_STORM_SECONDS`` says how long, ``JOBS_STORM_SEED`` repeats the choices of one.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jobs.core.states import UNFINISHED
from tests.chaos.checker import Answer, Effect, Records, check
from tests.chaos.collect import attempts_of, changes_of, jobs_of
from tests.chaos.prepare import SQLITE
from tests.waiting import wait_until
from tests.windows.python import START_SECONDS, Agent
from tests.windows.site import WindowsSite

SECONDS = float(os.environ.get("JOBS_STORM_SECONDS") or 30)
KILLS = 3
"""At least. On a busy machine a consumer under Wine takes half a minute to start."""
BACKLOG = 12
OPEN_JOBS = f"SELECT COUNT(*) FROM jobs_job WHERE status IN {tuple(map(str, UNFINISHED))}"
BUSY = "SELECT c.pid FROM jobs_consumer c WHERE c.id IN (SELECT consumer_id FROM jobs_job)"
PATIENCE = 2 * START_SECONDS


class Rows:
    """The database as the collector of the chaos reads one.

    Args:
        since: jobs before it are of other tests, whose changes nobody recorded.
    """

    def __init__(self, site: WindowsSite, since: str) -> None:
        self._site = site
        self._since = since

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        column = "id" if " jobs_job" in statement else "job_id"
        if "chaos_change" not in statement:
            statement += f" WHERE {column} IN (SELECT id FROM jobs_job WHERE created_at > ?)"
            parameters += (self._since,)
        return [tuple(row) for row in self._site.sql(statement, *parameters)]


class KillStorm:
    """Submits and kills.

    Attributes:
        kills: how many processes it has killed.
        killed: the numbers by which the agent watches them and what they had started.
    """

    def __init__(self, site: WindowsSite, agent: Agent, seed: int) -> None:
        self.records = Records()
        self.kills = 0
        self.killed: list[int] = []
        self._site = site
        self._agent = agent
        self._up = site.pid
        self._random = random.Random(seed)
        self._next_kill = 0.0  # none is planned

    def blow(self) -> None:
        """Go on for some time, and until enough is killed."""
        start = time.monotonic()
        while (past := time.monotonic() - start) < SECONDS or self.kills < KILLS:
            assert past < PATIENCE, f"{self.kills} kills in {past:.0f} s"
            if self._site.sql(OPEN_JOBS)[0][0] < BACKLOG:
                self._submit()
            self._kill()

    def _submit(self) -> None:
        task = self._random.choices(("work", "compute", "start_programs"), (6, 2, 1))[0]
        seconds = self._random.choice((0.0, 0.05, 0.5, 1.5))
        key = f"{self._random.getrandbits(64):x}"
        self.records.asked.add(key)
        body = {"task": f"windows.{task}", "args": {"seconds": seconds}}
        status, job, headers = self._site.call("POST", "jobs", body, Idempotency_Key=key)
        self.records.answers.append(Answer("POST", "jobs", status, headers.get("Retry-After", "")))
        if status == 202:
            self.records.accepted[key] = job["id"].replace("-", "")

    def _kill(self) -> None:
        """Kill a consumer that has run jobs for a while, each third time one of its children."""
        alive = self._agent.call("children", self._up)  # who has died may not be noticed yet
        busy = [pid for (pid,) in self._site.sql(BUSY) if pid in alive]
        if not busy:
            self._next_kill = 0.0
            return
        if not self._next_kill:
            self._next_kill = time.monotonic() + self._random.uniform(0.5, 4.0)
        if time.monotonic() < self._next_kill:
            return
        pid = self._random.choice(busy)
        children = self._agent.call("children", pid)
        target = self._random.choice(children) if self.kills % 3 == 2 and children else pid
        watched = self._agent.call("watch", target)
        if watched:  # else it has ended by itself
            self._agent.call("kill", target)
            self.killed += watched
            self.kills += 1
            self._next_kill = 0.0

    def collect(self, since: str) -> None:
        """Read what the database and the ledger have."""
        rows: Any = Rows(self._site, since)
        self.records.jobs = jobs_of(rows)
        self.records.attempts = attempts_of(rows)
        self.records.changes = changes_of(rows)
        known = {job.id for job in self.records.jobs}
        for path in self._site.ledger.iterdir():
            job, attempt, what, _ = path.name.rsplit("-", 3)
            if (key := job.replace("-", "")) in known:
                self.records.ledger.append(Effect(key, int(attempt), what))


@contextmanager
def changes_recorded(site: WindowsSite) -> Iterator[str]:
    """Within it each change of a status is a row of ``chaos_change``; yield the time before it."""
    (latest,) = site.sql("SELECT COALESCE(MAX(created_at), '') FROM jobs_job")
    for statement in SQLITE:
        site.sql(statement)
    try:
        yield latest[0]
    finally:
        site.sql("DROP TRIGGER chaos_changes")
        site.sql("DROP TABLE chaos_change")


def test_nothing_is_lost_and_nothing_finishes_twice(
    site: WindowsSite, agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBS_STORM_SEED", random.randrange(10**6)))
    before = agent.call("orphans")
    storm = KillStorm(site, agent, seed)
    records = storm.records
    with changes_recorded(site) as since:
        storm.blow()
        wait_until(
            lambda: not site.sql(OPEN_JOBS)[0][0], timeout=PATIENCE, what="the end of all jobs"
        )
        storm.collect(since)
    lost = sum(one.outcome == "lost" for one in records.attempts)
    with capsys.disabled():
        accepted, attempts = len(records.accepted), len(records.attempts)
        said = f"{storm.kills} kills, {accepted} jobs, {attempts} attempts, {lost} lost"
        print(f"\nstorm under Windows, seed {seed}: {said}")
    assert len(records.accepted) >= BACKLOG
    assert lost >= 1
    assert [str(one) for one in check(records)] == []
    assert agent.call("living", storm.killed) == []
    # A child that its consumer was just starting is none of those yet.
    assert [one for one in agent.call("orphans") if one not in before] == []
