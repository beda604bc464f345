"""``python -m tests.benchmarks.capacity``: which resource saturates first at higher rates.

A simulation of consumer processes over one PostgreSQL server, from the measured cost of a job (the
work ``price``; the numbers can be given as options). Each process repeats one transaction: the
outcomes of the jobs it has run and the claim of the next. A transaction waits for a free core
of the server.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections import deque
from dataclasses import dataclass

from tests.benchmarks.report import table
from tests.benchmarks.stats import percentile

SECONDS, WARM_UP = 4.0, 1.0
PROCESSES = (4, 8, 16, 32, 64, 128, 256, 512)
RATES = (1_000, 10_000, 100_000)
BUSY = 0.7
"""The highest utilisation of a core to plan with."""


@dataclass(frozen=True, slots=True)
class Price:
    """CPU cost of a job and of a transaction, in seconds."""

    submit_database: float
    run: float
    run_database: float
    commit: float
    """Of the server for each transaction, however many jobs it holds."""
    pace: float = 0.005
    """The least time between two transactions of a busy process."""
    batch: int = 32
    """The most jobs that one transaction claims."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """The result of a simulation; waits in milliseconds."""

    done_per_s: float
    wait_p50: float
    wait_p99: float
    busy: float


def simulate(price: Price, rate: float, processes: int, cores: int) -> Simulated:
    """Let jobs that do nothing arrive evenly and be processed, for ``SECONDS``."""
    free = [0.0] * cores  # when each core of the server is free next
    transactions = [(price.pace * number / processes, number) for number in range(processes)]
    unwritten = [
        0
    ] * processes  # jobs that each process has run, whose outcomes are not yet written
    waits: deque[float] = deque(maxlen=100_000)
    arrived = taken = done = 0
    used = 0.0
    while transactions[0][0] < SECONDS:
        now, process = heapq.heappop(transactions)
        arrived = int(now * rate)
        claims = min(price.batch, arrived - taken)
        # Half of a job's cost is its claim and half its outcome.
        service = price.commit + price.run_database * (claims + unwritten[process]) / 2
        begin = max(now, heapq.heappop(free))
        heapq.heappush(free, begin + service)
        end = begin + service
        if now > WARM_UP:
            waits.extend(end - number / rate for number in range(taken, taken + claims))
            done += claims
            used += service
        taken += claims
        unwritten[process] = claims
        ran = end + claims * price.run
        heapq.heappush(transactions, (max(now + price.pace, ran), process))
    # The submissions share the server's cores.
    used += rate * price.submit_database * (SECONDS - WARM_UP)
    seconds = SECONDS - WARM_UP
    return Simulated(
        done / seconds,
        1000 * percentile(list(waits), 50),
        1000 * percentile(list(waits), 99),
        used / seconds / cores,
    )


def smallest(price: Price, rate: int) -> tuple[int, int, Simulated]:
    """The fewest cores of the server and the fewest processes that keep up, and their result."""
    needed = rate * (price.submit_database + price.run_database)
    cores = max(1, 1 + int(needed / BUSY))
    while True:
        for processes in PROCESSES:
            found = simulate(price, rate, processes, cores)
            if found.done_per_s >= 0.99 * rate and found.busy <= BUSY:
                return cores, processes, found
        cores = cores + max(1, cores // 4)


def main() -> None:
    """Print what each rate needs."""
    price = _parse_price()
    rows = []
    for rate in RATES:
        cores, processes, found = smallest(price, rate)
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


def _parse_price() -> Price:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity")
    for name, default in (("submit-database", 700), ("run", 250), ("run-database", 160)):
        parser.add_argument(f"--{name}", type=float, default=default, help="microseconds a job")
    parser.add_argument("--commit", type=float, default=300, help="microseconds a transaction")
    options = parser.parse_args()
    us = 1_000_000
    return Price(
        options.submit_database / us,
        options.run / us,
        options.run_database / us,
        options.commit / us,
    )


if __name__ == "__main__":
    main()
