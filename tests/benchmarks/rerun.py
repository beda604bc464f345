"""From kill -9 to the job's first line again: ``python -m tests.benchmarks.rerun [--here N] ...``.

A consumer that runs a job is killed while another one runs: on the same machine, where its file
lock proves its death at once, and on another machine, where only missing heartbeats do. A second
data folder stands for another machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import django

from tests.waiting import wait_until

PROMISED_SECONDS: Final = 3.0


class Bench:
    """One SQLite database and the consumers over it."""

    def __init__(self, folder: Path) -> None:
        from tests.consumers import Consumers

        self._folder = folder
        self._consumers = Consumers(folder)
        self._number = 0

    def close(self) -> None:
        """Kill what still runs."""
        self._consumers.end_all()

    def measure(self, kills: int, rescuer: str) -> list[float]:
        """Return the seconds from kill to re-run; ``rescuer`` is the other's data folder."""
        folder: dict[str, Any] = {"JOBS_TEST_DATA_DIR": str(self._folder / rescuer)}
        found = []
        for _ in range(kills):
            victim = self._consumers.start("--concurrency", "1")
            ledger, go, job = self._hold()
            other = self._consumers.start("--concurrency", "1", **folder)
            killed = time.time()
            victim.kill()
            wait_until(lambda ledger=ledger: _lines(ledger) > 1, timeout=120)  # type: ignore[misc]
            found.append(float(ledger.read_text("utf-8").split()[1]) - killed)
            go.touch()
            _wait_finished(job)
            other.stop()  # so that the next victim claims the next job
        return found

    def _hold(self) -> tuple[Path, Path, str]:
        """Submit a job and wait until it runs."""
        from tests.testapp import tasks

        self._number += 1
        ledger, go = (self._folder / f"{name}{self._number}" for name in ("ledger", "go"))
        job = tasks.tell_and_hold.enqueue(ledger=str(ledger), path=str(go)).id
        wait_until(lambda: _lines(ledger) == 1, what="the job to run")
        return ledger, go, job


def _lines(ledger: Path) -> int:
    return len(ledger.read_text("utf-8").splitlines()) if ledger.exists() else 0


def _wait_finished(job: Any) -> None:
    from tests.consumers import wait_finished

    wait_finished(job, timeout=90)


def _print(title: str, seconds: Sequence[float], bound: float) -> None:
    middle, worst = statistics.median(seconds), max(seconds)
    sys.stdout.write(
        f"{title}: {len(seconds)} kills, median {middle:.2f} s, worst {worst:.2f} s;"
        f" of the {bound:g} s promised {middle / bound:.2f} and {worst / bound:.2f}\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Measure and print. No timing makes it fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--here", type=int, default=10, help="kills with a rescuer on the same machine"
    )
    parser.add_argument(
        "--elsewhere", type=int, default=3, help="kills with one on another machine"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jobdesk-bench-") as name:
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        os.environ["DATABASE_URL"] = f"sqlite:///{name}/db.sqlite3"
        os.environ["JOBS_TEST_DATA_DIR"] = f"{name}/var"
        django.setup()
        from django.core.management import call_command

        from jobs.conf import get_conf

        call_command("migrate", verbosity=0)
        bench = Bench(Path(name))
        try:
            if options.here:
                _print("same machine", bench.measure(options.here, "var"), PROMISED_SECONDS)
            if options.elsewhere:
                lease = get_conf().lease_seconds
                _print("another machine", bench.measure(options.elsewhere, "elsewhere"), lease)
        finally:
            bench.close()


if __name__ == "__main__":
    main()
