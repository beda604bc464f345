"""Measuring, one thing or several at a time, each in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.place import Place
from tests.benchmarks.plan import Chunk, Clock, Task
from tests.benchmarks.prepared import forget
from tests.benchmarks.processes import ROOT
from tests.benchmarks.results import Results
from tests.benchmarks.run import GO, HELD, READY, RESULT
from tests.benchmarks.systems.base import System

SET_UP_SECONDS = 60.0
END_SECONDS = 30.0


@dataclass(slots=True)
class Running:
    """A measurement under way."""

    task: Task
    folder: Path
    process: subprocess.Popen[bytes]
    begin: float = field(default_factory=time.monotonic)

    def wait_until_set_up(self) -> None:
        """Wait until the next one may be set up: this one does not want the machine any more."""
        end = time.monotonic() + SET_UP_SECONDS
        while self.process.poll() is None and not (self.folder / READY).exists():
            if time.monotonic() > end:
                return
            time.sleep(0.05)

    def go(self) -> None:
        """All others are set up as well."""
        (self.folder / GO).touch()

    def finish(self, patience: float) -> dict[str, Any]:
        """Wait for the figures."""
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.stop()
        return _result(self.folder)

    def stop(self) -> None:
        """End it; it takes along what it has started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()


@dataclass(frozen=True, slots=True)
class Session:
    """Where to measure, and with which Python the peers."""

    folder: Path
    peers: Path
    patience: float = 600.0
    keep: bool = False

    def run(self, plan: Sequence[Chunk], results: Results) -> None:
        """Measure what is planned; each figure is in the results as soon as it is known."""
        clock = Clock(plan)
        _say(f"{len(plan)} steps, about {clock.whole / 60:.0f} minutes.")
        try:
            for number, chunk in enumerate(plan, 1):
                _say(f"[{number}/{len(plan)}, {clock}] {chunk.title}")
                self._measure(chunk, results)
                clock.done += chunk.seconds
        finally:
            forget(self.folder)

    def one(self, system: System, work: str) -> dict[str, Any]:
        """One measurement."""
        results = Results()
        self._measure(Chunk((Task(system, work),), 0), results)
        return results.passes[system.name, work][0]

    def _measure(self, chunk: Chunk, results: Results) -> None:
        running: list[Running] = []
        try:
            for number, task in enumerate(chunk.tasks):
                # Redis has few databases: only those that need one count.
                before = [one for one in chunk.tasks[:number] if one.system.redis]
                slot = len(before) if task.system.redis else number
                running.append(self._begin(task, slot, held=chunk.starts_together))
                if len(chunk.tasks) > 1:
                    running[-1].wait_until_set_up()
            for one in running:
                one.go()
            while running:
                self._note(running[0], results)
                running.pop(0)
        finally:
            for one in running:  # it was interrupted
                one.stop()
                shutil.rmtree(one.folder, ignore_errors=True)

    def _note(self, one: Running, results: Results) -> None:
        found = one.finish(self.patience)
        results.add(one.task.system.name, one.task.work, found)
        _tell(one.task, found, time.monotonic() - one.begin)
        if not self.keep and "error" not in found:
            shutil.rmtree(one.folder, ignore_errors=True)

    def _begin(self, task: Task, slot: int, *, held: bool) -> Running:
        system = task.system
        made = Path(tempfile.mkdtemp(prefix=f"{system.name}-{task.work}-", dir=self.folder))
        place = Place(system.name, made, slot)
        environment = place.environment() | system.environment(place)
        with (made / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self._python(system)), "-m", "tests.benchmarks.run", task.work],
                cwd=ROOT,
                env=environment | ({HELD: "1"} if held else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return Running(task, made, process)

    def _python(self, system: System) -> Path:
        return Path(sys.executable) if system.ours or system.our_python else self.peers


def _result(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / RESULT).read_text("utf-8"))
    except (OSError, ValueError):
        log = (folder / "run.log").read_text("utf-8", errors="replace")
        return {"error": f"no result: {log[-500:]}"}
    return found


def _tell(task: Task, found: dict[str, Any], seconds: float) -> None:
    shown = {key: value for key, value in found.items() if key != "traceback"}
    _say(f"{task.system.name} {task.work} ({seconds:.0f} s): {json.dumps(shown)}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
