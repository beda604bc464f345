"""How quickly retention deletes what consumers have run, and what it costs them."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from typing import Any

from tests.benchmarks.run import Bench, Failed

ROWS = "BENCH_ROWS"
COMMAND = "command"
JOBS = 3_000
RUN_SECONDS = 120.0
PASS_SECONDS = 15.0
# What a job leaves beside its row and its attempt.
LEFT = (
    ("jobs_logchunk", "start, text", "0, '{log}'".format(log="working\n" * 10)),
    (
        "jobs_artifact",
        "attempt, name, size, content_type, file, created_at",
        "1, 'a.txt', 3, 'text/plain', 'none', finished_at",
    ),
)


def prune(bench: Bench) -> dict[str, Any]:
    """Return the rate at which jobs are submitted and run, and that at which they are deleted.

    Each overdue job has an attempt, a log and an artifact. The ratio is what matters: both rates
    depend on the machine. ``keeps_up_times`` is that of the pace of a consumer that is not behind;
    ``prune_s`` is how long ``manage.py prune`` takes, with jobs beside for a part of it.
    """
    rows = int(os.environ.get(ROWS, "1_000_000"))
    _run_jobs(bench, "w")  # the first ones meet an empty cache and new processes
    alone = _run_jobs(bench, "a")
    bench.system.fill(rows)
    _fill_related()
    bytes_each = _size() / rows
    filled = _run_jobs(bench, "f")
    deleter = bench.start("deleter", [sys.executable, "-m", __name__])
    beside = _run_jobs(bench, "b")
    deleter.terminate()
    deleter.wait(60)
    deleted = delete(PASS_SECONDS)
    left = _rows()
    command = bench.start(COMMAND, [sys.executable, "-m", __name__, COMMAND])
    beside_command = _run_jobs(bench, "c")
    if command.wait():
        raise Failed("The prune did not end well.")
    said = (bench.sandbox.folder / f"{COMMAND}.log").read_text("utf-8")
    seconds = float(said.split()[-1])
    return {
        "rows": rows,
        "bytes_each": round(bytes_each),
        "run_per_s": alone,
        "run_filled_per_s": filled,
        "run_beside_per_s": beside,
        "slower_times": round(filled / beside, 2),
        "deleted_per_s": deleted,
        "keeps_up_times": round(deleted / alone, 2),
        "run_beside_command_per_s": beside_command,
        "pruned_per_s": round(left / seconds, 1),
        "prune_s": round(seconds, 1),
    }


def _rows() -> int:
    from jobs.models import Job

    return Job.objects.count()


def _size() -> int:
    """The bytes of all tables and indexes."""
    from django.db import connection

    statement = "SELECT pg_database_size(current_database())"
    if connection.vendor == "sqlite":
        statement = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def _run_jobs(bench: Bench, prefix: str) -> float:
    """Submit some jobs while workers run them; return how many a second."""
    workers = bench.start_workers(ready=False)
    begin = time.monotonic()
    for number in range(JOBS):
        bench.enqueue("noop", f"{prefix}{number}")
    if bench.trace.wait_count(prefix, JOBS, RUN_SECONDS) < JOBS:
        raise Failed(f"Not all of {JOBS} jobs ran.")
    rate = JOBS / (time.monotonic() - begin)
    bench.stop(workers)
    return round(rate, 1)


def _fill_related() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table, columns, values in LEFT:
            cursor.execute(
                f"INSERT INTO {table} (job_id, {columns})"
                f" SELECT id, {values} FROM jobs_job WHERE finished_at IS NOT NULL"
            )


def delete(most_seconds: float) -> float:
    """Delete at a consumer's pace, as if a month had gone by; return how many rows a second."""
    from django.utils import timezone

    from jobs import lifecycle
    from jobs.consumer.prune_pace import PrunePace
    from jobs.core.db import connection

    one = lifecycle.PruneRun(timezone.now() + timedelta(days=31))
    pace = PrunePace(connection().vendor)
    deleted, begin = 0, time.monotonic()
    while not one.is_done and time.monotonic() - begin < most_seconds:
        began = time.monotonic()
        rows = one.step(pace.limit)
        seconds = time.monotonic() - began
        pace.adapt(seconds, rows)
        deleted += rows
        time.sleep(pace.pause(seconds, timedelta(), 1))
    return round(deleted / (time.monotonic() - begin), 1)


def delete_all() -> None:
    """Delete as ``manage.py prune`` does, as if a month had gone by; print the seconds."""
    from django.utils import timezone

    from jobs.management.commands.prune import delete_rows

    begin = time.monotonic()
    delete_rows(timezone.now() + timedelta(days=31))
    sys.stdout.write(f"{time.monotonic() - begin:.1f}")


if __name__ == "__main__":
    import django

    django.setup()
    if COMMAND in sys.argv:
        delete_all()
    else:
        delete(2 * RUN_SECONDS)
