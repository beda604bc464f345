"""``python -m tests.benchmarks``: Jobdesk beside the others, as a table. See ``README.md``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.environment import FOLDER, peers_python, versions
from tests.benchmarks.plan import chunks
from tests.benchmarks.report import SHOWN, report
from tests.benchmarks.results import Results
from tests.benchmarks.session import Session
from tests.benchmarks.sizes import SHORT
from tests.benchmarks.systems import systems

SHORT_SYSTEMS = "jobdesk,huey_sqlite,django_tasks_db,django_q2,one_insert,empty_view"
SHORT_WORKS = "pickup,burst,submit,poll"
ON_REQUEST = {"price", "one-dies", "jobdesk_redis_sqlite"}


def main() -> None:
    """Measure and print, also when stopped half-way. A timing never makes it fail."""
    asked = _asked()
    if asked.short:
        os.environ[SHORT] = "1"
    known = systems()
    chosen = [known[name] for name in asked.systems.split(",")]
    works = asked.works.split(",")
    peers = asked.peers_python or peers_python()
    for needed in (FOLDER, asked.json.parent):
        needed.mkdir(parents=True, exist_ok=True)
    results = Results.load(asked.json) if asked.add else Results(file=asked.json)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    plan = list(chunks(chosen, works, 1 if asked.short else asked.passes, results))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        Session(folder, peers, keep=asked.keep).run(plan, results)
    # What an earlier run found is shown as well.
    have = {name for pair, found in results.passes.items() if found for name in pair}
    shown = [one for one in known.values() if one in chosen or one.name in have]
    text = report(results, shown, [work for work in SHOWN if work in works or work in have])
    sys.stdout.write(f"{text}\n\nThe others: {versions(peers)}.\n")
    if not any(folder.iterdir()):
        folder.rmdir()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a subset in about a minute")
    parser.add_argument("--systems", help=f"of: {','.join(systems())}")
    parser.add_argument("--works", help=f"of: {','.join(SHOWN)}")
    parser.add_argument("--passes", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--peers-python", type=Path, help="a Python that has the others' packages")
    file = FOLDER / "figures.json"
    parser.add_argument("--json", type=Path, default=file, help="every figure, as soon as known")
    parser.add_argument("--add", action="store_true", help="add what that file has not yet")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    asked = parser.parse_args()
    asked.systems = asked.systems or (SHORT_SYSTEMS if asked.short else _usual(systems()))
    asked.works = asked.works or (SHORT_WORKS if asked.short else _usual(SHOWN))
    return asked


def _usual(names: Iterable[str]) -> str:
    return ",".join(name for name in names if name not in ON_REQUEST)


if __name__ == "__main__":
    main()
