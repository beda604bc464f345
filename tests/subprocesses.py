"""Real processes, whose output a test reads line by line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

ROOT = Path(__file__).resolve().parent.parent
# Settings of Jobdesk and of pytest's own Django must not reach a process under test; nor must
# PYTHONPATH, because one test runs an installed wheel.
OWN = tuple("JOBS_ DJANGO_ JOBDESK_ SECRET_KEY DEBUG ALLOWED_HOSTS DATABASE_URL PYTHONPATH".split())


def environment(data: Path, **more: str) -> dict[str, str]:
    """Return a clean environment with a data folder of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
    return kept | {"JOBS_DATA_DIR": str(data), "PYTHONUNBUFFERED": "1"} | more


class RunningProcess:
    """A process and its output so far; a test can wait for a line.

    As a context manager it is killed at the end of the block, whatever happened in it: a process
    and its pipe that a failed test leaves behind would fail a later one.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path = ROOT,
        encoding: str = "utf-8",
    ) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding=encoding,
            errors="backslashreplace",
            # A Ctrl-C that stops the tests must not reach it; a test's signal reaches it alone.
            start_new_session=os.name != "nt",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern: str, *, times: int = 1, timeout: float = 60.0) -> re.Match[str]:
        """Wait for the ``times``-th line that matches the pattern; return its match."""

        def found() -> list[re.Match[str]]:
            return [match for line in self.lines if (match := re.search(pattern, line))]

        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(found()) >= times, timeout)
            if len(found()) < times:
                raise AssertionError(f"{pattern!r} did not come. Output:\n{self.output()}")
            return found()[times - 1]

    def output(self) -> str:
        """Return its output so far."""
        return "\n".join(self.lines)

    def interrupt(self) -> None:
        """Press Ctrl-C (Ctrl-Break on Windows, where only that can be sent to one process)."""
        name = "CTRL_BREAK_EVENT" if os.name == "nt" else "SIGINT"
        self.process.send_signal(getattr(signal, name))

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for its end; return the exit code. Its output is read to the end."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._reader.join(30)
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()


def manage(data: Path, *arguments: str, root: Path = ROOT, **more: str) -> RunningProcess:
    """Start ``manage.py`` with these arguments."""
    command = [sys.executable, "manage.py", *arguments]
    return RunningProcess(command, env=environment(data, **more), cwd=root)


def living_consumers(data: Path) -> list[Path]:
    """Return the lock files of living consumers: a living process holds its lock."""
    return [path for path in (data / "locks").glob("*.lock") if _is_held(path)]


def _is_held(path: Path) -> bool:
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
