"""``python -m tests.benchmarks.capacity``: what gives way first when there are many more jobs.

A simulation of consumer processes over one PostgreSQL server, from the measured cost of a job (the
work ``price``; the numbers can be given as options). Each process repeats one transaction: the
outcomes of the jobs it has run and the claim of the next. The server has so many cores; a
transaction waits for a free one.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections import deque
from dataclasses import dataclass

from tests.benchmarks.figures import percentile
from tests.benchmarks.report import table

SECONDS, WARM_UP = 4.0, 1.0
PROCESSES = (4, 8, 16, 32, 64, 128, 256, 512)
RATES = (1_000, 10_000, 100_000)
BUSY = 0.7
"""The share of a core that one should plan with."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of a job and of a transaction, in seconds of a core."""

    submit_database: float
    run: float
    run_database: float
    commit: float
    """Of the server, for each transaction, whatever it holds."""
    pace: float = 0.005
    """The least time between two transactions of a busy process."""
    batch: int = 32
    """The most jobs that one transaction claims."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a simulation."""

    done_per_s: float
    wait_p50: float
    wait_p99: float
    busy: float


def simulate(price: Price, rate: float, processes: int, cores: int) -> Outcome:
    """Let jobs that do nothing arrive evenly and be worked off, for some seconds."""
    free = [0.0] * cores  # when each core of the server is free next
    turns = [(price.pace * number / processes, number) for number in range(processes)]
    holds = [0] * processes  # what each process has run and not yet written
    waits: deque[float] = deque(maxlen=100_000)
    arrived = taken = done = 0
    used = 0.0
    while turns[0][0] < SECONDS:
        now, who = heapq.heappop(turns)
        arrived = int(now * rate)
        claims = min(price.batch, arrived - taken)
        # Half of a job's cost is its claim and half its outcome.
        service = price.commit + price.run_database * (claims + holds[who]) / 2
        begin = max(now, heapq.heappop(free))
        heapq.heappush(free, begin + service)
        end = begin + service
        if now > WARM_UP:
            waits.extend(end - number / rate for number in range(taken, taken + claims))
            done += claims
            used += service
        taken += claims
        holds[who] = claims
        ran = end + claims * price.run
        heapq.heappush(turns, (max(now + price.pace, ran), who))
    # The submissions share the server's cores.
    used += rate * price.submit_database * (SECONDS - WARM_UP)
    seconds = SECONDS - WARM_UP
    return Outcome(
        done / seconds,
        1000 * percentile(list(waits), 50),
        1000 * percentile(list(waits), 99),
        used / seconds / cores,
    )


def least(price: Price, rate: int) -> tuple[int, int, Outcome]:
    """The fewest cores of the server and the fewest processes that keep up, and how they do."""
    need = rate * (price.submit_database + price.run_database)
    cores = max(1, 1 + int(need / BUSY))
    while True:
        for processes in PROCESSES:
            found = simulate(price, rate, processes, cores)
            if found.done_per_s >= 0.99 * rate and found.busy <= BUSY:
                return cores, processes, found
        cores = cores + max(1, cores // 4)


def main() -> None:
    """Print what each rate takes."""
    price = _asked()
    rows = []
    for rate in RATES:
        cores, processes, found = least(price, rate)
        rows.append(
            [
                f"{rate:,}",
                str(cores),
                str(processes),
                f"{rate * price.run / BUSY:.1f}",
                f"{found.wait_p50:.0f} / {found.wait_p99:.0f}",
                f"{100 * found.busy:.0f} %",
            ]
        )
    head = ["jobs/s", "cores of PostgreSQL", "consumer processes", "their cores"]
    head += ["wait p50 / p99, ms", "PostgreSQL is busy"]
    sys.stdout.write(table(head, rows) + "\n")


def _asked() -> Price:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity")
    for name, default in (("submit-database", 700), ("run", 250), ("run-database", 160)):
        parser.add_argument(f"--{name}", type=float, default=default, help="microseconds a job")
    parser.add_argument("--commit", type=float, default=300, help="microseconds a transaction")
    asked = parser.parse_args()
    us = 1_000_000
    return Price(
        asked.submit_database / us, asked.run / us, asked.run_database / us, asked.commit / us
    )


if __name__ == "__main__":
    main()
