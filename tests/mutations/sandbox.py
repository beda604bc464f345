"""A copy of the tree in which one file is changed, and a process that runs tests there."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from enum import Enum
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from .changes import Change

ROOT: Final = Path(__file__).resolve().parent.parent.parent
UNWANTED: Final = "ignore::pytest.PytestAssertRewriteWarning"
"""A warning about plugins that ``preload`` has imported."""
PYTEST: Final = ("-q", "-n0", "-p", "no:cacheprovider", "-W", UNWANTED)
PASSED: Final = 0
MISUSED: Final = {4, 5}
"""Exit codes of pytest: it knows no such test."""
OUTPUT: Final = "output"
STARTED: Final = "started"
"""A file that a run makes first."""
SLOWER: Final = 5.0
"""A changed file may make its tests so many times slower before they count as hung."""
LONGEST_START: Final = 60.0
"""Seconds that tests may take before the first of them runs."""


class Verdict(Enum):
    """What tests said of a change."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    ALIVE = "alive"
    NOT_RUN = "no test runs it"
    BROKEN = "could not be tested"

    @property
    def is_noticed(self) -> bool:
        """Whether somebody who made this change would learn of it."""
        return self in {Verdict.KILLED, Verdict.TIMED_OUT}


class Sandbox:
    """A copy of what Git knows of the tree, in a temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mutations-"))

    def __enter__(self) -> Self:
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.check_output(listed, cwd=ROOT, text=True)
        for name in filter(None, names.split("\0")):
            target = self.folder / "tree" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def tree(self) -> Path:
        """The copy."""
        return self.folder / "tree"

    def environment(self) -> dict[str, str]:
        """The environment of tests: nothing leads back to the tree that was copied."""
        compiled = self.folder / "compiled"
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "PYTHONPATH": str(self.tree), "PYTHONPYCACHEPREFIX": str(compiled)}

    def test(self, change: Change, tests: Sequence[str], seconds: float) -> Verdict:
        """Make a change, run tests, and undo it.

        Args:
            change: what to change.
            tests: ids, as pytest knows them.
            seconds: how long they take without it.
        """
        file = self.tree / change.file
        before = file.read_bytes()
        try:
            file.write_bytes(change.apply(before.decode()).encode())
            self._forget_compiled(file)
            code = self.run(["-x", *tests], seconds * SLOWER + LONGEST_START)
        finally:
            file.write_bytes(before)
            self._forget_compiled(file)
        if code is None:
            return Verdict.TIMED_OUT
        if code == PASSED:
            return Verdict.ALIVE
        # Changed code may end the process, too: with any code, or by a signal.
        return Verdict.BROKEN if code in MISUSED else Verdict.KILLED

    def last_output(self) -> str:
        """Return what the last run has printed."""
        return (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")

    def _forget_compiled(self, file: Path) -> None:
        # Python compares sizes and seconds, and a change may alter neither.
        name = Path(importlib.util.cache_from_source(str(file))).name
        for one in (self.folder / "compiled").rglob(name):
            one.unlink()

    def run(self, arguments: Sequence[str], seconds: float, **environment: str) -> int | None:
        """Run pytest in the copy; return its exit code, None when it took longer than ``seconds``.

        Args:
            arguments: for pytest.
            seconds: how long it may take.
            environment: more of it, for pytest and what its tests start.

        Raises:
            RuntimeError: it could not be started.
        """
        mark = self.folder / STARTED
        mark.unlink(missing_ok=True)
        variables = self.environment() | environment
        process = _start(self.tree, mark, variables, [*PYTEST, *arguments])
        process.join(seconds)
        hung = process.is_alive()
        if process.pid is not None:
            end_group(process.pid)
        process.join()
        if not mark.exists():
            raise RuntimeError("pytest could not be started.")
        return None if hung else process.exitcode


def _start(*arguments: Any) -> BaseProcess:
    """Start ``run_pytest`` in a process that shares nothing with this one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        process: BaseProcess = multiprocessing.get_context("spawn").Process(
            target=run_pytest, args=arguments
        )
    else:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.mutations.preload"])
        process = context.Process(target=run_pytest, args=arguments)
    process.start()
    return process


def run_pytest(tree: Path, mark: Path, environment: dict[str, str], arguments: list[str]) -> None:
    """Run tests in this process, which is new, and end with pytest's exit code."""
    mark.touch()
    if hasattr(os, "setsid"):
        os.setsid()  # a group of its own, so that nothing outlives the test
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(tree)
    sys.path[:] = [str(tree), *(one for one in sys.path if Path(one or ".").resolve() != ROOT)]
    sys.pycache_prefix = environment["PYTHONPYCACHEPREFIX"]
    sys.dont_write_bytecode = False
    for name in [one for one in sys.modules if one.partition(".")[0] in {"tests", "jobs"}]:
        del sys.modules[name]  # from the tree that was copied
    output = os.open(mark.with_name(OUTPUT), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for number in (0, 1, 2):
        os.dup2(output, number)
    import pytest

    os._exit(int(pytest.main(arguments)))


def end_group(pid: int) -> None:
    """Kill what a run of tests has left behind."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
