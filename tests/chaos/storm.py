"""A storm: jobs of every sort, three consumers, and faults drawn from a seed."""

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
from tests.running import ConsumerHandle
from tests.waiting import wait_until

HOSTS = ("here", "here", "there")
"""The third consumer is as on another machine: only its silence tells that it is dead."""
KINDS = {"kill": 66, "freeze": 12, "drain": 8, "lock": 7, "web": 7}
KINDS_WITH = {"postgres": {"cut": 5}, "redis": {"empty": 5}, "kafka": {"empty": 5}}
"""What only these can suffer: their connections break, all permits are lost."""
PACE = 1.8
SLOTS = "2"
BACKLOG = 100
PROGRESS = 6
ENDED = "SELECT COUNT(*) FROM jobs_attempt WHERE outcome IN ('succeeded', 'failed', 'died')"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when (seconds from the start), what, to which consumer, for how long."""

    at: float
    kind: str
    place: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.kind:6}  consumer {self.place}  {self.seconds:.2f} s"


def plan_faults(seed: int, seconds: float, setup: Setup = ON_SQLITE) -> list[Fault]:
    """Return the faults of a storm: the same for the same seed and setup."""
    rng = random.Random(seed)
    weights = dict(KINDS)
    for server in (setup.database, setup.broker):
        weights |= KINDS_WITH.get(server, {})
    kinds = rng.choices(list(weights), list(weights.values()), k=int(seconds / PACE))
    return [
        Fault(
            (n + rng.random()) * PACE, kind, rng.randrange(len(HOSTS)), rng.uniform(0.3, 2 * LEASE)
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
    """One run of it."""

    arena: Arena
    seed: int
    seconds: float
    done: Counter[str] = field(default_factory=Counter)
    killed: dict[int, tuple[float, str]] = field(default_factory=dict)  # pid -> when, which host
    over: threading.Event = field(default_factory=threading.Event)
    errors: list[Exception] = field(default_factory=list)
    _still: threading.Event = field(default_factory=threading.Event)
    _ended: int = 0
    _places: list[ConsumerHandle] = field(default_factory=list)

    def run(self, say: Callable[[str], Any]) -> None:
        """Rage for the given time, then let everything end."""
        faults = plan_faults(self.seed, self.seconds, self.arena.setup)
        say(f"{self.arena.setup}: seed {self.seed}, {self.seconds:g} s, {len(faults)} faults")
        self.arena.serve()
        self._places = [self._start(place) for place in range(len(HOSTS))]
        workers = [
            threading.Thread(target=self._guarded, args=(self._hand_in, n)) for n in range(3)
        ]
        replacing = threading.Thread(target=self._guarded, args=(self._replace,))
        for worker in (*workers, replacing):
            worker.start()
        try:
            self._rage(faults, say)
            self.over.set()
            self._calm()
        finally:
            self.over.set()
            self._still.set()
            for worker in (*workers, replacing):
                worker.join(180)
        if self.errors:
            raise ExceptionGroup("threads of the storm broke", self.errors)
        self._leave()

    def _start(self, place: int) -> ConsumerHandle:
        return self.arena.consume("--concurrency", SLOTS, host=HOSTS[place], ready=0)

    def _guarded(self, target: Callable[..., None], *args: Any) -> None:
        try:
            target(*args)
        except Exception as error:  # noqa: BLE001  (told at the end, by the main thread)
            self.errors.append(error)

    def _hand_in(self, number: int) -> None:
        rng = random.Random(f"{self.seed} {number}")
        while not self.over.is_set():
            task, args = draw_job(rng)
            job = self.arena.submit(task, stop=self.over, **args)
            wish = rng.random()
            if job and wish < 0.05:
                self._ask(job, "cancel" if wish < 0.04 else "retry")
            pause = rng.uniform(0.0, 0.08)
            while not self.over.wait(pause) and self.arena.unfinished() > BACKLOG:
                pause = 0.5  # a slow machine is to be stormed, not buried

    def _ask(self, job: str, what: str) -> None:
        """Ask once. An answer that did not come may have been a yes."""
        if what == "retry":
            self.arena.retries[job.replace("-", "")] += 1
        try:
            status, _ = self.arena.post(f"jobs/{job}/{what}")
        except OSError:
            return
        self.done[f"{what} {status}"] += 1

    def _replace(self) -> None:
        """As a supervisor: a place never stays empty, for some jobs kill their consumer."""
        while not self._still.wait(0.1):
            for place, consumer in enumerate(self._places):
                if consumer.process.poll() is not None:
                    self._places[place] = self._start(place)

    def _rage(self, faults: list[Fault], say: Callable[[str], Any]) -> None:
        began = time.monotonic()
        for fault in faults:
            if self.over.wait(max(0.0, began + fault.at - time.monotonic())) or self.errors:
                return
            if time.monotonic() > began + self.seconds:
                return
            say(str(fault))
            self._wait_for_progress()
            getattr(self, f"_{fault.kind}")(fault)
            self.done[fault.kind] += 1

    def _wait_for_progress(self) -> None:
        """On a slow machine kills could come faster than a process starts: then nothing would ever
        be done, and nothing proven."""
        goal = self._ended + PROGRESS

        def enough() -> bool:
            self._ended = int(self.arena.rows(ENDED)[0][0])
            return self._ended >= goal or bool(self.errors)

        wait_until(enough, timeout=120, what=f"{PROGRESS} jobs to end between two faults")

    def _victim(self, fault: Fault) -> ConsumerHandle | None:
        """One that takes jobs, at the place or the next: killing a process that is only starting
        proves little."""
        for step in range(len(HOSTS)):
            consumer = self._places[(fault.place + step) % len(HOSTS)]
            if consumer.process.poll() is None and any("ready" in line for line in consumer.said):
                return consumer
        return None

    def _kill(self, fault: Fault) -> None:
        consumer = self._victim(fault)
        if consumer is None:
            wait_until(lambda: self._victim(fault), timeout=60, what="someone to kill")
            consumer = self._victim(fault)
        if consumer is not None:
            place = next((n for n, one in enumerate(self._places) if one is consumer), 0)
            self.killed[consumer.pid] = (time.time(), HOSTS[place])
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
        self.arena.lose_permits()

    def _web(self, fault: Fault) -> None:
        self.arena.serve()

    def _calm(self) -> None:
        """Let all jobs end."""
        for consumer in self._places:
            if consumer.process.poll() is None:
                consumer.signal(signal.SIGCONT)
        wait_until(
            lambda: self.errors or not self.arena.unfinished(),
            timeout=300,
            what="the end of all jobs",
        )

    def _leave(self) -> None:
        """Drain the consumers."""
        for consumer in self.arena.consumers:
            if consumer.process.poll() is None:
                consumer.signal(signal.SIGTERM)
        for consumer in self.arena.consumers:
            consumer.wait(60)

    def figures(self) -> str:
        """Return what it did, in words."""
        world = self.arena.world()
        endings = Counter(job.status for job in world.jobs)
        outcomes = Counter(row.outcome for row in world.attempts)
        lines = [
            f"{len(world.jobs)} jobs, {len(world.attempts)} attempts, {len(self.killed)} kills",
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
        """Seconds from a kill to the next claim of each job that was lost by it."""
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
