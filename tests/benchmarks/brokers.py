"""Latency and throughput of each broker: ``python -m tests.benchmarks.brokers [NAME ...]``.

Prints one table. Each broker has its own servers on this machine, because some are killed, and is
measured in its own process. ``--samples`` is the number of jobs that an idle consumer picks up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.broker_measurement import BROKERS
from tests.subprocesses import ROOT

HEAD: Final = (
    "broker",
    "pick-up, idle: median",
    "p95",
    "jobs per second",
    "kill -9 to re-run: median (worst)",
    "broker stopped to next start: median (worst)",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(BROKERS), metavar="NAME")
    parser.add_argument("--samples", type=int, default=40)
    options = parser.parse_args()
    if unknown := set(options.names) - set(BROKERS):
        parser.error(f"no such broker: {', '.join(sorted(unknown))}. Known: {', '.join(BROKERS)}")
    _print(HEAD)
    _print(["---"] * len(HEAD))
    for name in options.names:
        _print(_row(_measure(name, options.samples)))


def _print(cells: Sequence[str]) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def _measure(name: str, samples: int) -> dict[str, str]:
    """Measure one broker in a process of its own, because settings belong to a process."""
    settings = ("JOBS_", "DJANGO_", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(settings)}
    jars = {key: value for key, value in os.environ.items() if key == "JOBS_TEST_KAFKA_JARS"}
    with tempfile.TemporaryDirectory(prefix="jobdesk-bench-") as folder:
        # When this is root, PostgreSQL runs as another user.
        Path(folder).chmod(0o755)
        command = [sys.executable, "-m", "tests.benchmarks.broker_measurement", name, folder]
        finished = subprocess.run(
            [*command, str(samples)],
            check=True,
            cwd=ROOT,
            env={**kept, **jars, "JOBS_TEST_DATA_DIR": f"{folder}/var"},
            stdout=subprocess.PIPE,
            text=True,
        )
    cells: dict[str, str] = json.loads(finished.stdout.splitlines()[-1])
    return cells


def _row(cells: dict[str, str]) -> Sequence[str]:
    keys = ("broker", "pickup", "p95", "rate", "rerun", "stopped")
    return [cells[key] for key in keys]


if __name__ == "__main__":
    main()
