"""A storm through a whole site: one server after the other goes away; most of them come back."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from typing import Any

from tests.chaos.checker import Effect
from tests.chaos.storm import Storm, draw_job
from tests.consumers import ConsumerHandle
from tests.site.checker import FAILING
from tests.site.deployment import CONSUMERS, Deployment
from tests.waiting import wait_until

PROGRESS = 15
"""Jobs that end between two misfortunes."""
HELD = 6
"""Jobs that wait for a file: more than one consumer takes at once."""
COPIES = ("copy", "copy_in_process")


class SiteStorm(Storm):
    """Jobs of every kind, and misfortunes in a fixed order. Each lasts until it was noticed."""

    arena: Deployment

    def __init__(self, arena: Deployment, seed: int) -> None:
        super().__init__(arena, seed, seconds=0.0, hosts=CONSUMERS)

    def _is_overloaded(self) -> bool:
        """Submit without asking while the database is away: the site is to answer."""
        return self.arena.pair.has_primary and super()._is_overloaded()

    def _next_job(self, rng: random.Random) -> tuple[str, dict[str, Any]]:
        kind = rng.random()
        if kind < 0.2:
            found = self.arena.upload(rng.randbytes(rng.choice((0, 100, 100_000))), self.stopping)
            if found:
                return rng.choice(COPIES), {"file": {"upload": found}}
        if kind < 0.4:
            return "talk", {"lines": rng.randrange(1, 200), "seconds": rng.uniform(0.0, 0.5)}
        task, args = draw_job(rng)
        return (task, args) if task in {*FAILING, "work", "compute", "await_it"} else ("work", {})

    def _inject_faults(self, log: Callable[[str], Any]) -> None:
        for name in ("kill", "storage", "failover", "cut"):
            self._wait_for_progress(PROGRESS)
            log(name)
            getattr(self, f"_begin_{name}")()
            self.done[name] += 1
        self._wait_for_progress(PROGRESS)

    def _end_requests(self) -> None:
        """The tests after the storm use the site; its clients wait longer than its servers."""

    # A consumer is killed, and started again.

    def _begin_kill(self) -> None:
        victim = self._consumer(0)
        victim.signal(signal.SIGKILL)
        wait_until(lambda: self._consumer(0) is not victim, what="another consumer")

    def _consumer(self, number: int) -> ConsumerHandle:
        def ready() -> ConsumerHandle | None:
            one = self._consumers[number]
            living = one.process.poll() is None and any("ready" in line for line in one.log)
            return one if living else None

        return wait_until(ready, what=f"consumer {CONSUMERS[number]}")

    # The storage goes away while tasks are about to keep a file, and comes back.

    def _begin_storage(self) -> None:
        go = self.arena.folder / "storage"
        jobs = [self._held_copy(task, str(go)) for task in COPIES]
        refused = self._refused_uploads()
        self.arena.storage.stop()
        try:
            go.touch()
            for job in jobs:
                found = wait_until(lambda: self._first_outcome(job), what="a failed write")  # noqa: B023
                assert found == [("released",)]
            wait_until(lambda: self._refused_uploads() > refused, what="a refused upload")
        finally:
            self.arena.storage.start()

    def _held_copy(self, task: str, until: str) -> str:
        upload = self.arena.upload(b"before the outage", self.stopping)
        job = self.arena.submit(task, file={"upload": upload}, until=until)
        begun = Effect(job.replace("-", ""), 1, "begin")
        wait_until(lambda: begun in self.arena.records().ledger, what=f"the start of {task}")
        return job

    def _first_outcome(self, job: str) -> list[Any]:
        statement = "SELECT outcome FROM jobs_attempt WHERE job_id = ? AND number = 1"
        return self.arena.rows(statement, job)

    def _refused_uploads(self) -> int:
        """Return how many were told to try again."""
        return sum(one.status == 503 and "uploads" in one.path for one in [*self.arena.answers])

    # The primary dies, and the standby takes its place.

    def _begin_failover(self) -> None:
        accepted = len(self.arena.accepted)
        self.arena.pair.lose_primary()
        wait_until(lambda: self.arena.ask("GET", "jobs?limit=1")[0] == 503, what="a 503")
        for number in range(len(CONSUMERS)):
            self._wait_said(number, "cannot be written")
        self.arena.fail_over()
        for number in range(len(CONSUMERS)):
            self._wait_said(number, "The database is back")
        wait_until(lambda: len(self.arena.accepted) > accepted, what="an accepted job")

    def _wait_said(self, number: int, words: str) -> None:
        log = self._consumer(number).log
        try:
            wait_until(lambda: any(words in line for line in log), what=words)
        except AssertionError as error:
            raise AssertionError(f"{error}\nIts last words:\n{''.join(log[-30:])}") from None

    # A consumer's machine is cut off in the middle of a job, and comes back.

    def _begin_cut(self) -> None:
        name = CONSUMERS[1]
        several = [self.arena.folder / f"cut {number}" for number in range(HELD)]
        held = {self.arena.submit("work", until=str(go)): go for go in several}
        try:
            pid = self._consumer(1).pid
            job = wait_until(lambda: self._held_by(pid, list(held)), what=f"a job on {name}")
            go = held.pop(job)
            for other in held.values():
                other.touch()
            self.arena.network.cut_off(name)
            self.arena.wait_job(job, ("running", 2))
            go.touch()
            self.arena.wait_job(job, ("succeeded", 2))
        finally:
            for go in several:
                go.touch()
            self.arena.network.bring_back(name)
        self._wait_said(1, "it starts afresh")

    def _held_by(self, pid: int, jobs: list[str]) -> str:
        """Return the first of the jobs that a consumer runs."""
        found = self.arena.rows(
            "SELECT jobs_job.id FROM jobs_job JOIN jobs_consumer ON consumer_id = jobs_consumer.id"
            " WHERE pid = ? AND status = 'running' AND jobs_job.id = ANY(?)",
            pid,
            jobs,
        )
        running = {job for (job,) in found}
        return next((job for job in jobs if job.replace("-", "") in running), "")
