"""``python -m tests.benchmarks.growth``: times of operations with 10^3 to 10^6 jobs, as a table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.peers_venv import FOLDER
from tests.benchmarks.report import table
from tests.benchmarks.session import Session
from tests.benchmarks.stats import format_number
from tests.benchmarks.systems import systems
from tests.benchmarks.works.grown import ROWS, STATUS

SHOWN = (
    "submit_ms",
    "claim_ms",
    "poll_ms",
    "list_ms",
    "list_json_ms",
    "page_ms",
    "dashboard_ms",
    "drained_per_s",
)


def main() -> None:
    """Measure and print: one table for queued jobs, one for finished ones."""
    options = _parse_options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="growth-", dir=FOLDER))
    session = Session(folder, Path(sys.executable), keep=options.keep)
    for status in ("queued", "succeeded"):
        os.environ[STATUS] = status
        rows = []
        for count in options.rows.split(","):
            os.environ[ROWS] = count
            found = session.measure(systems()[options.system], "grown")
            if "error" in found:
                rows.append([count, found["error"]])
                continue
            rows.append([f"{int(count):,}", *(format_number(found[name]) for name in SHOWN)])
        head = [status, *(name.replace("_", " ") for name in SHOWN)]
        sys.stdout.write(table(head, rows) + "\n\n")
        sys.stdout.flush()


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    ours = [name for name, system in systems().items() if "grown" in system.works]
    parser.add_argument("--system", choices=ours, default="jobdesk")
    parser.add_argument("--rows", default="1000,10000,100000,1000000")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
