"""A storm: jobs of every kind, three consumers, and faults drawn from a seed."""

from __future__ import annotations

import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.brokers.servers import Setup
from tests.chaos.arena import LEASE, ON_SQLITE, Arena
from tests.chaos.databases import seconds_of
from tests.consumers import ConsumerHandle
from tests.waiting import wait_until

HOSTS = ("here", "here", "there")
"""The third consumer is as on another machine: only missing heartbeats show that it is dead."""
KINDS = {"kill": 66, "freeze": 12, "drain": 8, "lock": 7, "web": 7}
EMPTY = {"empty": 5}
KINDS_WITH = {"postgres": {"cut": 5}, "redis": EMPTY, "kafka": EMPTY, "rabbitmq": EMPTY}
"""Faults of some setups only: connections break, all messages are lost."""
FAULT_SECONDS = 1.8
SLOTS = "2"
BACKLOG = 100
PROGRESS = 6
ENDED = "SELECT COUNT(*) FROM jobs_attempt WHERE outcome IN ('succeeded', 'failed', 'died')"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when (seconds from the start), which kind, to which consumer, for how long."""

    at: float
    kind: str
    consumer: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.kind:6}  consumer {self.consumer}  {self.seconds:.2f} s"


def plan_faults(seed: int, seconds: float, setup: Setup = ON_SQLITE) -> list[Fault]:
    """Return the faults of a storm: the same for the same seed and setup."""
    rng = random.Random(seed)
    weights = dict(KINDS)
    for server in (setup.database, setup.broker):
        weights |= KINDS_WITH.get(server, {})
    kinds = rng.choices(list(weights), list(weights.values()), k=int(seconds / FAULT_SECONDS))
    return [
        Fault(
            (n + rng.random()) * FAULT_SECONDS,
            kind,
            rng.randrange(len(HOSTS)),
            rng.uniform(0.3, 2 * LEASE),
        )
        for n, kind in enumerate(kinds)
    ]


def draw_job(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Return a task and its arguments."""
    task = rng.choices(
        ("work", "compute", "await_it", "fail", "give_up", "die", "die_with_all"),
        (860, 50, 60, 12, 10, 6, 2),
    )[0]
    if task not in {"work", "compute", "await_it"}:
        return task, {}
    long = rng.random() < 0.06
    return task, {"seconds": rng.uniform(0.3, 3.0) if long else rng.uniform(0.0, 0.05)}


@dataclass(slots=True)
class Storm:
    """One run of a storm."""

    arena: Arena
    seed: int
    seconds: float
    done: Counter[str] = field(default_factory=Counter)
    killed: dict[int, tuple[float, str]] = field(default_factory=dict)  # pid -> when, which host
    stopping: threading.Event = field(default_factory=threading.Event)
    errors: list[Exception] = field(default_factory=list)
    hosts: tuple[str, ...] = HOSTS
    _finished: threading.Event = field(default_factory=threading.Event)
    _ended: int = 0
    _consumers: list[ConsumerHandle] = field(default_factory=list)

    def run(self, log: Callable[[str], Any]) -> None:
        """Inject faults for the given time, then let all jobs end."""
        self.arena.serve()
        self._consumers = [self._start(number) for number in range(len(self.hosts))]
        submitters = [
            threading.Thread(target=self._guarded, args=(self._submit_jobs, n)) for n in range(3)
        ]
        replacing = threading.Thread(target=self._guarded, args=(self._replace,))
        for thread in (*submitters, replacing):
            thread.start()
        try:
            self._inject_faults(log)
            self.stopping.set()
            # A job that is accepted after all others have ended would find no consumer.
            for thread in submitters:
                thread.join(180)
            self._end_requests()
            self._wait_until_finished()
        finally:
            self.stopping.set()
            self._finished.set()
            for thread in (*submitters, replacing):
                thread.join(180)
        if self.errors:
            raise ExceptionGroup("threads of the storm broke", self.errors)
        self._drain_consumers()

    def _start(self, number: int) -> ConsumerHandle:
        return self.arena.consume("--concurrency", SLOTS, host=self.hosts[number], ready=0)

    def _guarded(self, target: Callable[..., None], *args: Any) -> None:
        try:
            target(*args)
        except Exception as error:  # noqa: BLE001  (raised at the end, by the main thread)
            self.errors.append(error)

    def _submit_jobs(self, number: int) -> None:
        rng = random.Random(f"{self.seed} {number}")
        while not self.stopping.is_set():
            task, args = self._next_job(rng)
            job = self.arena.submit(task, stop=self.stopping, **args)
            draw = rng.random()
            if job and draw < 0.05:
                self._post(job, "cancel" if draw < 0.04 else "retry")
            pause = rng.uniform(0.0, 0.08)
            while not self.stopping.wait(pause) and self._is_overloaded():
                pause = 0.5

    def _is_overloaded(self) -> bool:
        """Whether more jobs wait than a slow machine can run."""
        return self.arena.unfinished() > BACKLOG

    def _next_job(self, rng: random.Random) -> tuple[str, dict[str, Any]]:
        return draw_job(rng)

    def _post(self, job: str, what: str) -> None:
        """Send one request. Without a response it may still have taken effect."""
        if what == "retry":
            self.arena.retries[job.replace("-", "")] += 1
        else:
            self.arena.cancels.add(job.replace("-", ""))
        try:
            status, _ = self.arena.post(f"jobs/{job}/{what}")
        except OSError:
            return
        self.done[f"{what} {status}"] += 1

    def _replace(self) -> None:
        """Replace consumers that died, as a supervisor does: some jobs kill theirs."""
        while not self._finished.wait(0.1):
            for number, consumer in enumerate(self._consumers):
                if consumer.process.poll() is not None:
                    self._consumers[number] = self._start(number)

    def _inject_faults(self, log: Callable[[str], Any]) -> None:
        faults = plan_faults(self.seed, self.seconds, self.arena.setup)
        log(f"{self.arena.setup}: seed {self.seed}, {self.seconds:g} s, {len(faults)} faults")
        began = time.monotonic()
        for fault in faults:
            if self.stopping.wait(max(0.0, began + fault.at - time.monotonic())) or self.errors:
                return
            if time.monotonic() > began + self.seconds:
                return
            log(str(fault))
            self._wait_for_progress(PROGRESS)
            getattr(self, f"_{fault.kind}")(fault)
            self.done[fault.kind] += 1

    def _wait_for_progress(self, count: int) -> None:
        """Wait for some jobs to end: on a slow machine kills could come faster than a process
        starts, and prove nothing."""
        goal = self._ended + count

        def enough() -> bool:
            self._ended = int(self.arena.rows(ENDED)[0][0])
            return self._ended >= goal or bool(self.errors)

        wait_until(enough, timeout=120, what=f"{count} jobs to end between two faults")

    def _victim(self, fault: Fault) -> ConsumerHandle | None:
        """Return the fault's consumer or the next that is ready: killing a process that only starts
        proves little."""
        for step in range(len(self._consumers)):
            consumer = self._consumers[(fault.consumer + step) % len(self._consumers)]
            if consumer.process.poll() is None and any("ready" in line for line in consumer.log):
                return consumer
        return None

    def _kill(self, fault: Fault) -> None:
        consumer = self._victim(fault)
        if consumer is None:
            wait_until(lambda: self._victim(fault), timeout=60, what="a consumer to kill")
            consumer = self._victim(fault)
        if consumer is not None:
            number = next((n for n, one in enumerate(self._consumers) if one is consumer), 0)
            self.killed[consumer.pid] = (time.time(), self.hosts[number])
            consumer.signal(signal.SIGKILL)

    def _freeze(self, fault: Fault) -> None:
        consumer = self._victim(fault)
        if consumer is not None:
            consumer.signal(signal.SIGSTOP)
            thaw = threading.Timer(fault.seconds, consumer.signal, [signal.SIGCONT])
            thaw.daemon = True
            thaw.start()

    def _drain(self, fault: Fault) -> None:
        consumer = self._victim(fault)
        if consumer is not None:
            consumer.signal(signal.SIGTERM)

    def _lock(self, fault: Fault) -> None:
        with self.arena.database.locked():
            time.sleep(fault.seconds)  # this is the fault

    def _cut(self, fault: Fault) -> None:
        self.arena.database.cut()

    def _empty(self, fault: Fault) -> None:
        self.arena.delete_messages()

    def _web(self, fault: Fault) -> None:
        self.arena.serve()

    def _end_requests(self) -> None:
        """A request whose client has given up may still be recorded."""
        self.arena.stop_serving()

    def _wait_until_finished(self) -> None:
        """Wait until all jobs have ended."""
        for consumer in self._consumers:
            if consumer.process.poll() is None:
                consumer.signal(signal.SIGCONT)
        wait_until(
            lambda: self.errors or not self.arena.unfinished(),
            timeout=300,
            what="the end of all jobs",
        )

    def _drain_consumers(self) -> None:
        """Drain the consumers."""
        for consumer in self.arena.consumers:
            if consumer.process.poll() is None:
                consumer.signal(signal.SIGTERM)
        for consumer in self.arena.consumers:
            consumer.wait(60)

    def summary(self) -> str:
        """Return a summary of the storm."""
        records = self.arena.records()
        endings = Counter(job.status for job in records.jobs)
        outcomes = Counter(row.outcome for row in records.attempts)
        lines = [
            f"{len(records.jobs)} jobs, {len(records.attempts)} attempts, {len(self.killed)} kills",
            f"faults: {dict(self.done)}",
            f"jobs: {dict(endings)}",
            f"attempts: {dict(outcomes)}",
        ]
        for host, waits in self._waits().items():
            lines.append(
                f"from kill to re-run, {host}: {len(waits)} jobs, "
                f"median {statistics.median(waits):.2f} s, worst {max(waits):.2f} s"
            )
        return "\n".join(lines)

    def _waits(self) -> dict[str, list[float]]:
        """Return the seconds from a kill to the next claim of each job that it lost."""
        waits: dict[str, list[float]] = {}
        rows = self.arena.rows(
            "SELECT one.consumer, COALESCE(next.started_at, job.started_at) FROM jobs_attempt one"
            " JOIN jobs_job job ON job.id = one.job_id LEFT JOIN jobs_attempt next"
            " ON next.job_id = one.job_id AND next.number = one.number + 1"
            " WHERE one.outcome = 'lost' AND job.attempt > one.number"
        )
        for consumer, started in rows:
            killed = self.killed.get(int(consumer.rpartition(":")[2] or 0))
            if killed is not None:
                waits.setdefault(killed[1], []).append(seconds_of(started) - killed[0])
        return waits
