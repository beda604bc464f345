"""What this machine makes of the computing, without any job system (``... .pool`` prints it).

One process alone says what a job costs at best; a bare ``multiprocessing`` pool says what two
processes get side by side: whatever they share (a core, its clock, the neighbours of a rented
machine) slows them, and no job system can be nearer to the ideal than that.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import time

from tests.benchmarks import work

JOBS, ARGUMENT, PROCESSES = 64, 27, 2
ALONE = 20


def main() -> None:
    """Compute alone, then as a pool does; print the seconds."""
    alone = statistics.median(_one(ARGUMENT) for _ in range(ALONE))
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        pool.map(abs, range(2 * PROCESSES))
        begin = time.perf_counter()
        beside = pool.map(_one, [ARGUMENT] * JOBS, chunksize=1)
        wall = time.perf_counter() - begin
    found = {"alone": alone, "beside": statistics.median(beside), "wall": wall}
    sys.stdout.write(json.dumps(found))


def _one(argument: int) -> float:
    begin = time.process_time()
    work.fibonacci(argument)
    return time.process_time() - begin


if __name__ == "__main__":
    main()
