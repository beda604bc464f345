"""``python -m tests.benchmarks``: compares Jobdesk with other systems. See ``README.md``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.peers_venv import FOLDER, peers_python, versions
from tests.benchmarks.plan import plan_steps
from tests.benchmarks.report import SHOWN, report
from tests.benchmarks.results import Results
from tests.benchmarks.session import Session
from tests.benchmarks.systems import systems
from tests.benchmarks.workload import SHORT

SHORT_SYSTEMS = "jobdesk,huey_sqlite,django_tasks_db,django_q2,one_insert,empty_view"
SHORT_WORKS = "pickup,burst,submit,poll"
ONLY_ON_REQUEST = {"price", "prune", "one-dies", "jobdesk_redis_sqlite"}


def main() -> None:
    """Measure and print, also when interrupted. No timing makes it fail."""
    options = _parse_options()
    if options.short:
        os.environ[SHORT] = "1"
    known = systems()
    chosen = [known[name] for name in options.systems.split(",")]
    works = options.works.split(",")
    peers = options.peers_python or peers_python()
    for needed in (FOLDER, options.json.parent):
        needed.mkdir(parents=True, exist_ok=True)
    results = Results.load(options.json) if options.add else Results(file=options.json)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    plan = list(plan_steps(chosen, works, 1 if options.short else options.passes, results))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        Session(folder, peers, keep=options.keep).run(plan, results)
    # The results of an earlier run are shown as well.
    measured = {name for pair, passes in results.passes.items() if passes for name in pair}
    shown = [one for one in known.values() if one in chosen or one.name in measured]
    text = report(results, shown, [work for work in SHOWN if work in works or work in measured])
    sys.stdout.write(f"{text}\n\nThe others: {versions(peers)}.\n")
    if not any(folder.iterdir()):
        folder.rmdir()


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a subset in about a minute")
    parser.add_argument("--systems", help=f"of: {','.join(systems())}")
    parser.add_argument("--works", help=f"of: {','.join(SHOWN)}")
    parser.add_argument("--passes", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--peers-python", type=Path, help="a Python that has the others' packages")
    file = FOLDER / "results.json"
    parser.add_argument(
        "--json",
        type=Path,
        default=file,
        help="gets each result as soon as it is known",
    )
    parser.add_argument("--add", action="store_true", help="measure only what that file lacks")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    options = parser.parse_args()
    options.systems = options.systems or (SHORT_SYSTEMS if options.short else _default(systems()))
    options.works = options.works or (SHORT_WORKS if options.short else _default(SHOWN))
    return options


def _default(names: Iterable[str]) -> str:
    return ",".join(name for name in names if name not in ONLY_ON_REQUEST)


if __name__ == "__main__":
    main()
