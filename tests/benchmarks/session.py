"""Runs measurements, one or several at a time, each in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.plan import ProgressClock, Step, Task
from tests.benchmarks.processes import ROOT
from tests.benchmarks.results import Results
from tests.benchmarks.run import GO, HELD, READY, RESULT
from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.setup_cache import clear
from tests.benchmarks.systems.base import System
from tests.waiting import wait_until

SET_UP_SECONDS = 60.0
END_SECONDS = 30.0


@dataclass(slots=True)
class Measurement:
    """A measurement that runs."""

    task: Task
    folder: Path
    process: subprocess.Popen[bytes]
    begin: float = field(default_factory=time.monotonic)

    def wait_until_set_up(self) -> None:
        """Wait until this one is set up, so that the next may use the machine."""
        ready = self.folder / READY
        with suppress(AssertionError):  # the next one is set up anyway
            wait_until(
                lambda: self.process.poll() is not None or ready.exists(),
                timeout=SET_UP_SECONDS,
                interval=0.05,
            )

    def go(self) -> None:
        """Let it begin: all others are set up as well."""
        (self.folder / GO).touch()

    def finish(self, timeout: float) -> dict[str, Any]:
        """Wait for its result."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
        return _result(self.folder)

    def stop(self) -> None:
        """Stop it; it kills what it has started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()


@dataclass(frozen=True, slots=True)
class Session:
    """The folder to measure in, and the Python of the other systems."""

    folder: Path
    peers: Path
    timeout: float = 600.0
    keep: bool = False

    def run(self, plan: Sequence[Step], results: Results) -> None:
        """Measure what is planned; each result is added as soon as it is known."""
        clock = ProgressClock(plan)
        _print(f"{len(plan)} steps, about {clock.whole / 60:.0f} minutes.")
        try:
            for number, step in enumerate(plan, 1):
                _print(f"[{number}/{len(plan)}, {clock}] {step.title}")
                self._run_step(step, results)
                clock.done += step.seconds
        finally:
            clear(self.folder)

    def measure(self, system: System, work: str) -> dict[str, Any]:
        """Run one measurement and return its result."""
        results = Results()
        self._run_step(Step((Task(system, work),), 0), results)
        return results.passes[system.name, work][0]

    def _run_step(self, step: Step, results: Results) -> None:
        running: list[Measurement] = []
        try:
            for number, task in enumerate(step.tasks):
                # Redis has few databases, so only systems that need one are numbered.
                before = [one for one in step.tasks[:number] if one.system.redis]
                slot = len(before) if task.system.redis else number
                running.append(self._begin(task, slot, held=step.starts_together))
                if len(step.tasks) > 1:
                    running[-1].wait_until_set_up()
            for one in running:
                one.go()
            while running:
                self._collect(running[0], results)
                running.pop(0)
        finally:
            for one in running:  # only after an interruption
                one.stop()
                shutil.rmtree(one.folder, ignore_errors=True)

    def _collect(self, one: Measurement, results: Results) -> None:
        found = one.finish(self.timeout)
        results.add(one.task.system.name, one.task.work, found)
        _print_result(one.task, found, time.monotonic() - one.begin)
        if not self.keep and "error" not in found:
            shutil.rmtree(one.folder, ignore_errors=True)

    def _begin(self, task: Task, slot: int, *, held: bool) -> Measurement:
        system = task.system
        made = Path(tempfile.mkdtemp(prefix=f"{system.name}-{task.work}-", dir=self.folder))
        sandbox = Sandbox(system.name, made, slot)
        environment = sandbox.environment() | system.environment(sandbox)
        with (made / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self._python(system)), "-m", "tests.benchmarks.run", task.work],
                cwd=ROOT,
                env=environment | ({HELD: "1"} if held else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return Measurement(task, made, process)

    def _python(self, system: System) -> Path:
        return Path(sys.executable) if system.ours or system.our_python else self.peers


def _result(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / RESULT).read_text("utf-8"))
    except (OSError, ValueError):
        log = (folder / "run.log").read_text("utf-8", errors="replace")
        return {"error": f"no result: {log[-500:]}"}
    return found


def _print_result(task: Task, found: dict[str, Any], seconds: float) -> None:
    shown = {key: value for key, value in found.items() if key != "traceback"}
    _print(f"{task.system.name} {task.work} ({seconds:.0f} s): {json.dumps(shown)}")


def _print(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
