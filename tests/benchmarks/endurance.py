"""``python -m tests.benchmarks.endurance``: ten minutes at the highest rate that holds.

Prints a line for each interval, then the verdict: is it as fast and as small at the end as at the
beginning, is the log bounded, and did no job wait longer than the backlog before it explains?
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers_venv import FOLDER
from tests.benchmarks.report import table
from tests.benchmarks.session import Session
from tests.benchmarks.stats import format_number
from tests.benchmarks.systems import systems
from tests.benchmarks.works.endure import INTERVAL, READERS_WANTED, SECONDS

Line = dict[str, float]
SLACK_SECONDS = 1.0


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    os.environ[SECONDS] = str(60 * options.minutes)
    os.environ[INTERVAL] = str(options.interval)
    os.environ[READERS_WANTED] = "0" if options.no_readers else "1"
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="endurance-", dir=FOLDER))
    session = Session(folder, Path(sys.executable), 60 * options.minutes + 120, keep=options.keep)
    found = session.measure(systems()[options.system], "endure")
    lines: list[Line] = found.get("lines", [])
    if not lines:
        raise SystemExit(found.get("error", "no interval was measured"))
    rows = [[format_number(value) for value in line.values()] for line in lines]
    sys.stdout.write(table([name.replace("_", " ") for name in lines[0]], rows) + "\n\n")
    sys.stdout.write("\n".join(verdict(lines, max(1, round(60 / options.interval)))) + "\n")


def verdict(lines: Sequence[Line], minute: int) -> list[str]:
    """Return the verdict. A minute has ``minute`` lines; the first line is warm-up."""
    minute = max(1, min(minute, len(lines) // 3))  # a short run is compared in thirds
    first, last = lines[1 : 1 + minute], lines[-minute:]
    rates = [_mean(part, "jobs_per_s") for part in (first, last)]
    change = 100 * rates[1] / rates[0] - 100
    sentences = [
        f"jobs/s in the first and last minute: {rates[0]:.0f}, {rates[1]:.0f} ({change:+.1f} %)"
    ]
    for part in ("consumers", "site"):
        sizes = [_mean(which, f"{part}_pss_mb") for which in (first, last)]
        sentences.append(f"memory of the {part}: {sizes[0]:.1f} and {sizes[1]:.1f} MB")
    logs = [line["log_mb"] for line in lines]
    sentences.append(
        f"log: {logs[0]:.1f} MB at first, {logs[-1]:.1f} at last, most {max(logs):.1f}"
    )
    late = [line for line in lines if line["oldest_s"] > _explained_wait(line)]
    sentences.append(
        f"intervals at whose end a job was older than the backlog explains: {len(late)}"
    )
    return sentences


def _mean(lines: Sequence[Line], key: str) -> float:
    return sum(line[key] for line in lines) / max(1, len(lines))


def _explained_wait(line: Line) -> float:
    return line["waiting"] / max(1.0, line["jobs_per_s"]) + SLACK_SECONDS


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.endurance")
    ours = [name for name, system in systems().items() if "endure" in system.works]
    parser.add_argument("--system", choices=ours, default="jobdesk")
    parser.add_argument("--minutes", type=float, default=10, help="default: %(default)s")
    parser.add_argument("--interval", type=float, default=10, help="seconds; default: %(default)s")
    parser.add_argument("--no-readers", action="store_true", help="without readers that overlap")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
