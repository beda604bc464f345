"""Measuring many works of many systems, turn about."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .place import POSTGRES, REDIS, Place
from .processes import ROOT
from .run import RESULT
from .systems.base import System

# In these the systems mostly wait: several at a time disturb each other little.
TOGETHER = {"pickup": 4, "rest": 8, "long": 8, "crash": 4, "one-dies": 4}


@dataclass(slots=True)
class Results:
    """The figures of every pass, by system and work."""

    passes: dict[tuple[str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def values(self, system: str, work: str, key: str) -> list[float]:
        """A figure of each pass that came to an end."""
        found = (one.get(key) for one in self.passes.get((system, work), ()))
        return [float(value) for value in found if value is not None]


@dataclass(frozen=True, slots=True)
class Session:
    """Where to measure, and with which Python the peers."""

    folder: Path
    peers: Path
    patience: float = 600.0
    keep: bool = False

    def run(self, systems: Sequence[System], works: Sequence[str], passes: int) -> Results:
        """Measure: each work by every system in turn, as many passes as asked for."""
        results = Results()
        for number in range(passes):
            for work in works:
                if number and work in TOGETHER:
                    continue  # their samples are many in one pass
                able = [one for one in systems if work in one.works and available(one)]
                # Who goes first has a cooler machine: everyone does once.
                shift = number % max(1, len(able))
                self._round(able[shift:] + able[:shift], work, results)
        return results

    def _round(self, systems: Sequence[System], work: str, results: Results) -> None:
        with ThreadPoolExecutor(TOGETHER.get(work, 1)) as pool:
            for system, found in pool.map(lambda one: (one, self.one(one, work)), systems):
                results.passes[system.name, work].append(found)

    def one(self, system: System, work: str) -> dict[str, Any]:
        """One measurement, in a process and a folder of its own."""
        made = Path(tempfile.mkdtemp(prefix=f"{system.name}-{work}-", dir=self.folder))
        place = Place(system.name, made)
        begin = time.monotonic()
        with (made / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self._python(system)), "-m", "tests.benchmarks.run", work],
                cwd=ROOT,
                env=place.environment() | system.environment(place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                process.wait(self.patience)
            except subprocess.TimeoutExpired:
                process.kill()
        found = _result(made)
        _tell(system, work, found, time.monotonic() - begin)
        if not self.keep and "error" not in found:
            shutil.rmtree(made, ignore_errors=True)
        return found

    def _python(self, system: System) -> Path:
        ours = system.ours or system.name == "funboost"
        return Path(sys.executable) if ours else self.peers


def available(system: System) -> bool:
    """Whether the servers that it needs are there."""
    needed = [REDIS] * system.redis + [POSTGRES] * system.postgres
    return all(os.environ.get(name) for name in needed)


def _result(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / RESULT).read_text("utf-8"))
    except (OSError, ValueError):
        log = (folder / "run.log").read_text("utf-8", errors="replace")
        return {"error": f"no result: {log[-500:]}"}
    return found


def _tell(system: System, work: str, found: dict[str, Any], seconds: float) -> None:
    shown = {key: value for key, value in found.items() if key != "traceback"}
    sys.stderr.write(f"{system.name} {work} ({seconds:.0f} s): {json.dumps(shown)}\n")
    sys.stderr.flush()
