"""The CPU time of a job, and in which process: ``capacity`` is computed from it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import children_cpu_seconds, cpu_seconds
from tests.benchmarks.run import Bench, Failed

JOBS = 5_000


def price(bench: Bench) -> dict[str, Any]:
    """Return microseconds of CPU per job: in the submitter, the consumers, the database."""
    begin, server = time.process_time(), _server_seconds(bench)
    for number in range(JOBS):
        bench.enqueue("noop", f"b{number}")
    submitted, submitting = time.process_time() - begin, _server_seconds(bench) - server
    workers = bench.start_workers(ready=False)
    if not bench.trace.wait(lambda: bool(bench.trace.starts), 60):
        raise Failed("No job ran.")
    before, server, written = cpu_seconds(workers), _server_seconds(bench), _log_bytes(bench)
    first = len(bench.trace.starts)
    if (bench.system.wait_recorded(JOBS, 120) or 0) < JOBS:
        raise Failed("Not all were run.")
    done = JOBS - first
    return {
        "submit_us": _micro(submitted, JOBS),
        "submit_database_us": _micro(submitting, JOBS),
        "run_us": _micro(cpu_seconds(workers) - before, done),
        "run_database_us": _micro(_server_seconds(bench) - server, done),
        "run_log_bytes": round((_log_bytes(bench) - written) / done),
    }


def _micro(seconds: float, jobs: int) -> int:
    return round(1_000_000 * seconds / jobs)


def _server_seconds(bench: Bench) -> float:
    """Return PostgreSQL's CPU time so far; SQLite's is part of its caller's."""
    if not bench.system.postgres:
        return 0.0
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    status = Path(f"/proc/{backend}/stat").read_text("utf-8")
    return children_cpu_seconds(int(status[status.rindex(")") + 2 :].split()[1]))


def _log_bytes(bench: Bench) -> int:
    """Return the bytes of write-ahead log so far; SQLite restarts its log, so it cannot tell."""
    if not bench.system.postgres:
        return 0
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        return int(cursor.fetchone()[0])
