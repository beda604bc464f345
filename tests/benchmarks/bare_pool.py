"""The computing of ``compute`` without any job system (``python -m tests.benchmarks.bare_pool``).

One process alone gives the best time of a job. A bare ``multiprocessing`` pool gives the time of
two processes side by side: what they share (a core, its clock, a rented machine) slows them, and no
job system can be nearer to the ideal than that.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import time

from tests.benchmarks import task_functions

JOBS, ARGUMENT, PROCESSES = 64, 27, 2
ALONE = 20


def main() -> None:
    """Compute in one process, then in a pool; print the seconds."""
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
    task_functions.fibonacci(argument)
    return time.process_time() - begin


if __name__ == "__main__":
    main()
