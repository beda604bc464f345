"""``python -m tests.benchmarks``: Jobdesk beside the others, as a table. See ``README.md``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from .environment import FOLDER, peers_python, versions
from .report import SHOWN, report
from .session import Session
from .sizes import SHORT
from .systems import systems

SHORT_SYSTEMS = "jobdesk,huey_sqlite,django_tasks_db,django_q2,one_insert,empty_view"
SHORT_WORKS = "pickup,burst,submit,poll"


def main() -> None:
    """Measure and print. A timing never makes it fail."""
    asked = _asked()
    if asked.short:
        os.environ[SHORT] = "1"
    known = systems()
    chosen = [known[name] for name in asked.systems.split(",")]
    works = asked.works.split(",")
    peers = asked.peers_python or peers_python()
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    session = Session(folder, peers, keep=asked.keep)
    results = session.run(chosen, works, 1 if asked.short else asked.passes)
    text = f"{report(results, chosen, works)}\n\nThe others: {versions(peers)}.\n"
    sys.stdout.write(text)
    if asked.json:
        found = {" ".join(key): value for key, value in results.passes.items()}
        asked.json.write_text(json.dumps(found, indent=1), "utf-8")
    if not any(folder.iterdir()):
        folder.rmdir()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a subset in about a minute")
    parser.add_argument("--systems", help=f"of: {','.join(systems())}")
    parser.add_argument("--works", help=f"of: {','.join(SHOWN)}")
    parser.add_argument("--passes", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--peers-python", type=Path, help="a Python that has the others' packages")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    asked = parser.parse_args()
    asked.systems = asked.systems or (SHORT_SYSTEMS if asked.short else ",".join(systems()))
    asked.works = asked.works or (SHORT_WORKS if asked.short else ",".join(SHOWN))
    return asked


if __name__ == "__main__":
    main()
