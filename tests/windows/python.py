"""The Python for Windows that ``JOBS_TEST_WINDOWS`` names, and what runs in it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.subprocesses import ROOT, RunningProcess, environment

START_SECONDS = 240.0
"""Wine on a busy machine takes ten times what Windows takes."""

LOCALES: Final = {"cp1252": "en_US.UTF-8", "cp936": "zh_CN.UTF-8"}


def path_there(path: Path) -> str:
    """Return a path as the Python for Windows has it: Wine shows Linux's root as the drive Z."""
    return str(path) if os.name == "nt" else "Z:" + str(path).replace("/", "\\")


class WindowsPython:
    """Starts programs in a Python for Windows.

    Args:
        launcher: the command that takes Python's arguments.
    """

    def __init__(self, launcher: str) -> None:
        self._launcher = launcher

    def start(
        self,
        *arguments: str,
        data: Path,
        variables: Mapping[str, str] = MappingProxyType({}),
        root: Path = ROOT,
        encoding: str = "utf-8",
    ) -> RunningProcess:
        """Start Python with these arguments and a data folder, in the folder of manage.py.

        Args:
            encoding: another one than UTF-8 is that of the system, as a Windows has it.
        """
        more = {"JOBS_DATA_DIR": path_there(data), **variables}
        if encoding == "utf-8":
            more["PYTHONIOENCODING"] = encoding
        else:  # Wine's code page is that of the locale
            more["LC_ALL"] = LOCALES[encoding]
        env = environment(data, **more)
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # a start takes twice as long without
        return RunningProcess([self._launcher, *arguments], env=env, cwd=root, encoding=encoding)

    def run(self, *arguments: str, data: Path, **more: Any) -> tuple[int, str]:
        """Run Python to its end; return its exit code and output."""
        running = self.start(*arguments, data=data, **more)
        try:
            return running.wait(START_SECONDS), running.output()
        finally:
            running.end()


class Agent:
    """Does in Windows what only a process there can do: each call is a function of ``agent.py``.

    It must run before anything else is started: Wine's services inherit the output of the first
    process, and hold its pipe open as long as any process runs. A site's output would not end with
    the site.
    """

    def __init__(self, launcher: str) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [launcher, "-I", path_there(Path(__file__).with_name("agent.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.call("processes")  # it runs

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function there; paths are translated.

        Raises:
            AssertionError: it raised.
        """
        sent = [path_there(one) if isinstance(one, Path) else one for one in arguments]
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps([name, *sent]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        try:
            answer = json.loads(line)
        except ValueError:
            raise AssertionError(line + self._process.stdout.read()) from None
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)
